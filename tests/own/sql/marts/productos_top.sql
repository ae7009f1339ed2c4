-- Una fila por producto vendido, del que más ingresa al que menos. Importes y margen en euros.
SELECT
  rank() OVER (ORDER BY vendido.importe DESC) AS puesto,
  p.producto_id,
  p.nombre,
  p.categoria,
  vendido.unidades,
  round(vendido.importe, 2) AS importe_eur,
  round(vendido.importe - vendido.unidades * p.coste, 2) AS margen_eur,
  round(100 * vendido.importe / sum(vendido.importe) OVER (), 2) AS cuota_pct
FROM marts.productos_ingresos AS vendido
JOIN datos.productos AS p USING (producto_id)
ORDER BY puesto, p.producto_id
