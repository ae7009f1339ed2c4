-- Una fila por cliente con compras, y una con cliente_id nulo para las ventas sin cliente. Gasto en euros.
-- Por grupos de datos.ventas: cliente_id
SELECT
  cliente_id,
  max(fecha_venta) AS ultima_compra,
  count(DISTINCT fecha_venta) AS dias_con_compra,
  sum(cantidad * precio_unitario * (1 - descuento_pct / 100)) AS gasto
FROM datos.ventas
GROUP BY cliente_id
