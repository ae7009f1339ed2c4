-- Una fila por producto vendido, del que más ingresa al que menos. Importes y margen en euros.
SELECT
  rank() OVER (ORDER BY vendido.importe_eur DESC) AS puesto,
  p.producto_id,
  p.nombre,
  p.categoria,
  vendido.unidades,
  vendido.importe_eur,
  round(vendido.importe_eur - vendido.unidades * p.coste, 2) AS margen_eur,
  round(100 * vendido.importe_eur / sum(vendido.importe_eur) OVER (), 2) AS cuota_pct
FROM marts.productos_ingresos AS vendido
JOIN datos.productos AS p USING (producto_id)
ORDER BY puesto, p.producto_id
