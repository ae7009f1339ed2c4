-- Una fila por día, tienda y canal. Importes en euros, con el descuento ya aplicado.
-- Por grupos de datos.ventas: fecha_venta, tienda_id, canal
SELECT
  fecha_venta,
  tienda_id,
  canal,
  count(*) AS lineas,
  sum(cantidad) AS unidades,
  sum(cantidad * precio_unitario * (1 - descuento_pct / 100)) AS importe
FROM datos.ventas
GROUP BY fecha_venta, tienda_id, canal
