-- Una fila por mes, tienda y canal. Importes en euros, con el descuento ya aplicado.
SELECT
  date_trunc('month', d.fecha_venta)::date AS mes,
  t.provincia,
  t.nombre AS tienda,
  d.canal,
  sum(d.lineas)::bigint AS lineas,
  sum(d.unidades)::bigint AS unidades,
  round(sum(d.importe), 2) AS importe_eur
FROM marts.ventas_diarias AS d
JOIN datos.tiendas AS t USING (tienda_id)
GROUP BY mes, t.provincia, t.tienda_id, t.nombre, d.canal
ORDER BY mes, t.nombre, d.canal
