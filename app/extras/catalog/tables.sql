-- Una fila por columna. El tipo de debajo es el de un dominio; las referencias, (esquema, tabla, columna).
SELECT n.nspname, c.relname, c.relkind::text, obj_description(c.oid, 'pg_class'),
  a.attname, format_type(a.atttypid, a.atttypmod), format_type(coalesce(nullif(t.typbasetype, 0), t.oid), NULL),
  NOT a.attnotnull, coalesce(a.attnum = ANY (pk.conkey), false), col_description(c.oid, a.attnum),
  ARRAY(SELECT ARRAY[ns.nspname, p.relname, col.attname]::text[] FROM pg_constraint AS fk
    JOIN pg_class AS p ON p.oid = fk.confrelid JOIN pg_namespace AS ns ON ns.oid = p.relnamespace
    JOIN pg_attribute AS col ON col.attrelid = p.oid AND col.attnum = fk.confkey[array_position(fk.conkey, a.attnum)]
    WHERE fk.conrelid = c.oid AND fk.contype = 'f' AND fk.conparentid = 0 AND a.attnum = ANY (fk.conkey) ORDER BY fk.conname)
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped JOIN pg_type AS t ON t.oid = a.atttypid
LEFT JOIN pg_constraint AS pk ON pk.conrelid = c.oid AND pk.contype = 'p'
WHERE n.nspname = ANY (%s) AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition
  AND a.attname NOT IN ('_load_id', '_line') AND has_table_privilege(c.oid, 'SELECT')
ORDER BY array_position(%s, n.nspname::text), c.relname, a.attnum
