-- Una fila por mes, tienda y canal. Importes en euros, con el descuento ya aplicado.
SELECT
  date_trunc('month', v.fecha_venta)::date AS mes,
  t.provincia,
  t.nombre AS tienda,
  v.canal,
  count(*) AS lineas,
  sum(v.cantidad) AS unidades,
  sum(v.importe_eur) AS importe_eur
FROM datos.ventas AS v
JOIN datos.tiendas AS t USING (tienda_id)
GROUP BY mes, t.provincia, t.tienda_id, t.nombre, v.canal
ORDER BY mes, t.nombre, v.canal
