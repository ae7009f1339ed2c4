-- Una fila por cliente con compras. RFM: días desde la última compra, número de días con compra y
-- gasto en euros; cada uno puntúa de 1 (peor quinto) a 5 (mejor quinto).
WITH compras AS (
  SELECT
    cliente_id,
    max(fecha_venta) AS ultima_compra,
    count(DISTINCT fecha_venta) AS dias_con_compra,
    sum(importe_eur) AS gasto
  FROM datos.ventas
  WHERE cliente_id IS NOT NULL
  GROUP BY cliente_id
),

-- La referencia es la última venta registrada, no el día de hoy: el resultado no cambia solo.
hoy AS (
  SELECT max(fecha_venta) AS fecha FROM datos.ventas
)

SELECT
  c.cliente_id,
  c.nombre,
  c.provincia,
  compras.ultima_compra,
  hoy.fecha - compras.ultima_compra AS recencia_dias,
  compras.dias_con_compra AS frecuencia,
  compras.gasto AS gasto_eur,
  ntile(5) OVER (ORDER BY compras.ultima_compra, c.cliente_id) AS r,
  ntile(5) OVER (ORDER BY compras.dias_con_compra, c.cliente_id) AS f,
  ntile(5) OVER (ORDER BY compras.gasto, c.cliente_id) AS m
FROM compras
JOIN datos.clientes AS c USING (cliente_id)
CROSS JOIN hoy
ORDER BY gasto_eur DESC, c.cliente_id
