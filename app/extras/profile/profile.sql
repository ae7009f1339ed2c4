-- Una columna: cuántos valores tiene, cuáles son sus extremos y los más frecuentes, y cómo se reparten.
-- Lo que no es número, fecha ni texto se cuenta por su texto, y no tiene extremos. En `numbers`, ni NaN ni
-- infinitos, que no caben en un eje. Con pocos valores, cada uno tiene su barra.
WITH counted AS MATERIALIZED (SELECT {value} AS v, count(*) AS n FROM {source} GROUP BY 1),
numbers AS (SELECT x, n FROM (SELECT {number} AS x, n FROM counted) AS all_of_them WHERE abs(x) < 'Infinity'),
axis AS (SELECT min(x) AS low, max(x) + {step} AS high, count(*) AS found FROM numbers),
bars AS (SELECT n, CASE WHEN found <= {bins} THEN row_number() OVER (ORDER BY x)
  ELSE least(width_bucket(x, low, high, {bins}), {bins}) END AS at FROM numbers, axis)
SELECT coalesce(sum(n), 0)::bigint, coalesce(sum(n) FILTER (WHERE v IS NULL), 0)::bigint,
  count(v), count(v) FILTER (WHERE n = 1),
  left(({least})::text, {longest}), left(({most})::text, {longest}),
  (SELECT jsonb_agg(jsonb_build_array(left(v::text, {longest}), n)) FROM (
    SELECT v, n FROM counted WHERE v IS NOT NULL ORDER BY n DESC, v LIMIT {frequent}) AS top),
  ARRAY(SELECT coalesce(sum(n), 0)::bigint FROM axis, generate_series(1, least(found, {bins})) AS at
    LEFT JOIN bars USING (at) GROUP BY at ORDER BY at)
FROM counted
