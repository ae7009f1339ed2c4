-- Una fila por producto vendido, del que más ingresa al que menos. Importes y margen en euros: suman líneas ya
-- redondeadas al céntimo, como una factura; sin redondearlas, el total bailaría unos céntimos.
WITH vendido AS (
  SELECT
    producto_id,
    sum(cantidad) AS unidades,
    sum(importe_eur) AS importe
  FROM datos.ventas
  GROUP BY producto_id
)

SELECT
  rank() OVER (ORDER BY vendido.importe DESC) AS puesto,
  p.producto_id,
  p.nombre,
  p.categoria,
  vendido.unidades,
  vendido.importe AS importe_eur,
  round(vendido.importe - vendido.unidades * p.coste, 2) AS margen_eur,
  round(100 * vendido.importe / sum(vendido.importe) OVER (), 2) AS cuota_pct
FROM vendido
JOIN datos.productos AS p USING (producto_id)
ORDER BY puesto, p.producto_id
