-- Una fila por producto vendido. Importe en euros: suma líneas ya redondeadas al céntimo, como una factura; sin
-- redondearlas, el total bailaría unos céntimos.
-- Por grupos de datos.ventas: producto_id
SELECT
  producto_id,
  sum(cantidad) AS unidades,
  sum(importe_eur) AS importe_eur
FROM datos.ventas
GROUP BY producto_id
