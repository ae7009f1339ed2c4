-- Una fila por cliente con compras. RFM: días desde la última compra, número de días con compra y
-- gasto en euros; cada uno puntúa de 1 (peor quinto) a 5 (mejor quinto).
-- La referencia es la última venta registrada, no el día de hoy: el resultado no cambia solo.
WITH hoy AS (
  SELECT max(ultima_compra) AS fecha FROM marts.clientes_compras
)

SELECT
  c.cliente_id,
  c.nombre,
  c.provincia,
  compras.ultima_compra,
  hoy.fecha - compras.ultima_compra AS recencia_dias,
  compras.dias_con_compra AS frecuencia,
  compras.gasto_eur,
  ntile(5) OVER (ORDER BY compras.ultima_compra, c.cliente_id) AS r,
  ntile(5) OVER (ORDER BY compras.dias_con_compra, c.cliente_id) AS f,
  ntile(5) OVER (ORDER BY compras.gasto_eur, c.cliente_id) AS m
FROM marts.clientes_compras AS compras
JOIN datos.clientes AS c USING (cliente_id)
CROSS JOIN hoy
ORDER BY compras.gasto_eur DESC, c.cliente_id
