-- Una fila por producto vendido. Importe en euros, sin redondear.
-- Por grupos de datos.ventas: producto_id
SELECT
  producto_id,
  sum(cantidad) AS unidades,
  sum(cantidad * precio_unitario * (1 - descuento_pct / 100)) AS importe
FROM datos.ventas
GROUP BY producto_id
