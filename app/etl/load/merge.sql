-- Mezcla las filas de la tabla temporal con las que hay (table.py pone los nombres que van entre llaves).
WITH merged AS (
  INSERT INTO {table} AS t ({columns})
  -- De las que repiten la clave dentro del archivo, la primera.
  SELECT DISTINCT ON ({key}) {staged}, {load_id} FROM {stage} ORDER BY {key}, _line
  -- Con las de otra carga manda la más nueva, y lo dice su número.
  ON CONFLICT ({key}) DO UPDATE SET {updates} WHERE t._load_id < excluded._load_id
  -- `xmax` no es cero en una fila actualizada.
  RETURNING (t.xmax <> 0) AS updated
),
-- Ve la tabla como estaba antes de la mezcla.
displaced AS (
  SELECT l.load_id, l.file, count(DISTINCT t.ctid) AS rows
  FROM {stage} AS s JOIN {table} AS t USING ({key}) JOIN etl.loads AS l ON l.load_id = t._load_id
  WHERE t._load_id < {load_id} GROUP BY 1, 2
),
ceded AS (
  UPDATE etl.loads SET ceded = true WHERE NOT ceded AND load_id IN (SELECT load_id FROM displaced)
)
SELECT count(*), count(*) FILTER (WHERE updated), (SELECT jsonb_object_agg(file, rows) FROM displaced) FROM merged
