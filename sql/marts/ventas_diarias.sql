-- Una fila por día, tienda y canal. Importes en euros, con el descuento ya aplicado.
-- Por grupos de datos.ventas: fecha_venta, tienda_id, canal
SELECT
  fecha_venta,
  tienda_id,
  canal,
  count(*) AS lineas,
  sum(cantidad) AS unidades,
  sum(importe_eur) AS importe_eur
FROM datos.ventas
GROUP BY fecha_venta, tienda_id, canal
