-- Lo que va detrás de las migraciones: «etl migrate» lo ejecuta como dueño, y se puede repetir.
--
-- Apunta, mientras se carga, qué grupos de un mart cambian (lo usa app/extras/marts), también en las tablas nuevas. Las
-- filas que llegan no se miran, que frenaría COPY: se encuentran después por su carga.
DO $$
DECLARE
  found regclass;
  name text;
  event text;
  function text;
BEGIN
  -- Con diez mil archivos en el libro, encontrar uno por su nombre o por su huella cuesta lo que con uno.
  IF to_regclass('etl.ix_loads_file') IS NULL THEN  -- IF NOT EXISTS esperaría a quien esté cargando
    CREATE INDEX ix_loads_file ON etl.loads (file);
  END IF;
  IF to_regclass('etl.ix_loads_sha256') IS NULL THEN
    CREATE INDEX ix_loads_sha256 ON etl.loads (sha256);
  END IF;

  -- La de antes no sabía si una columna se quitó y se puso otra con su nombre. Sin apuntes, los marts se rehacen enteros.
  IF NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = to_regclass('etl.grains') AND attname = 'numbers') THEN
    DROP TABLE IF EXISTS etl.grains;
  END IF;
  CREATE TABLE IF NOT EXISTS etl.grains (mart text CONSTRAINT pk_grains PRIMARY KEY, table_name text NOT NULL,
    columns text[] NOT NULL, numbers smallint[] NOT NULL, filenode oid);
  CREATE TABLE IF NOT EXISTS etl.touched (mart text NOT NULL, column_name text NOT NULL, value text);

  -- Los grupos de las filas que se van o que otras sustituyen. Con los permisos de quien las quita.
  CREATE OR REPLACE FUNCTION etl.note_gone() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO' SET intervalstyle = 'postgres' SET extra_float_digits = 1
  AS $function$
  DECLARE
    one record;
  BEGIN
    FOR one IN
      SELECT g.mart, a.attname FROM etl.grains AS g
      JOIN pg_attribute AS a ON a.attrelid = TG_RELID AND a.attname = ANY (g.columns) AND NOT a.attisdropped
      WHERE g.table_name = TG_TABLE_SCHEMA || '.' || TG_TABLE_NAME
    LOOP
      EXECUTE format('INSERT INTO etl.touched SELECT DISTINCT %L, %L, %I::text FROM gone', one.mart, one.attname, one.attname);
    END LOOP;
    RETURN NULL;
  END $function$;

  -- Las cargas que traen filas, o a las que se les añaden.
  CREATE OR REPLACE FUNCTION etl.note_load() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
  AS $function$
  BEGIN
    INSERT INTO etl.touched
    SELECT mart, '_load_id', NEW.load_id::text FROM etl.grains WHERE table_name = NEW.table_name;
    RETURN NULL;
  END $function$;
  IF NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = 'etl.loads'::regclass AND tgname = 'note_load') THEN
    CREATE TRIGGER note_load
    AFTER INSERT OR UPDATE OF status, rows_read, rows_loaded, rows_updated, rows_duplicate, rows_rejected ON etl.loads
    FOR EACH ROW WHEN (NEW.status = 'loaded') EXECUTE FUNCTION etl.note_load();
  END IF;

  -- Quien cambia filas a mano puede cambiar su clave, y las de una carga quizá ya no estén entre las que dice el libro. Lo
  -- apunta el dueño: para cambiar una tabla no hace falta poder escribir en el libro.
  CREATE OR REPLACE FUNCTION etl.note_hand() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp AS $function$
  BEGIN
    -- A mitad de las migraciones puede no estar aún.
    IF EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'etl.loads'::regclass AND attname = 'keys') THEN
      UPDATE etl.loads SET keys = NULL
      WHERE table_name = TG_TABLE_SCHEMA || '.' || TG_TABLE_NAME AND keys IS NOT NULL;
    END IF;
    RETURN NULL;
  END $function$;
  REVOKE EXECUTE ON FUNCTION etl.note_hand() FROM PUBLIC;

  -- Solo donde falta: crearlo espera a quien esté cargando. De un UPDATE, los grupos de antes y los de después: una fila
  -- que alguien cambia a mano puede pasar a otro sin cambiar de carga.
  FOR found, name, event, function IN
    SELECT c.oid, 'note_' || n, e, f FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attname = '_load_id'
    CROSS JOIN (VALUES ('delete', 'DELETE ON %s REFERENCING OLD TABLE AS gone FOR EACH STATEMENT', 'note_gone'),
      ('update', 'UPDATE ON %s REFERENCING OLD TABLE AS gone FOR EACH STATEMENT', 'note_gone'),
      ('moved', 'UPDATE ON %s REFERENCING NEW TABLE AS gone FOR EACH STATEMENT', 'note_gone'),
      ('hand', 'UPDATE ON %s FOR EACH STATEMENT WHEN (current_user <> ''etl_loader'')', 'note_hand')) AS events (n, e, f)
    WHERE c.relnamespace = 'datos'::regnamespace AND c.relkind = 'r' AND NOT a.attisdropped
    AND pg_has_role(c.relowner, 'USAGE')  -- no en la copia que alguien hizo de una (CREATE TABLE AS)
    AND NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = c.oid AND tgname = 'note_' || n)
  LOOP
    EXECUTE format('CREATE TRIGGER %I AFTER ' || event || ' EXECUTE FUNCTION etl.%I()', name, found, function);
  END LOOP;
END $$;

-- Llenar una tabla con menos trabajo (lo usa app/extras/bulk). El cargador no es dueño de ninguna: aquí el dueño hace por él
-- dos cosas, y solo esas. Lo prestado se apunta, y no hay COMMIT hasta que esté de vuelta.
CREATE TABLE IF NOT EXISTS etl.borrowed (table_oid oid NOT NULL, name text NOT NULL, definition text);
REVOKE INSERT, UPDATE, DELETE ON etl.borrowed FROM etl_loader;

-- 1. La clave de una tabla vacía, que se construye mejor al final. Si alguien la usa, o tiene la tabla, no hace nada.
CREATE OR REPLACE FUNCTION etl.take_key(target regclass) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $function$
DECLARE
  key record;
BEGIN
  IF pg_relation_size(target) > 0 OR EXISTS (SELECT FROM pg_constraint WHERE confrelid = target)
    OR NOT EXISTS (SELECT FROM pg_class WHERE oid = target AND relnamespace = 'datos'::regnamespace AND relkind = 'r') THEN
    RETURN false;
  END IF;
  EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE NOWAIT', target);
  SELECT c.conname, pg_get_constraintdef(c.oid) AS definition INTO STRICT key
  FROM pg_constraint AS c
  JOIN pg_index AS i ON i.indexrelid = c.conindid JOIN pg_class AS x ON x.oid = c.conindid
  WHERE c.conrelid = target AND c.contype = 'p' AND pg_relation_size(target) = 0
  -- Que nada aplazado al COMMIT impida devolverla, y que lo que dice su definición sea todo.
  AND NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = target AND tginitdeferred)
  AND NOT EXISTS (SELECT FROM pg_inherits WHERE target IN (inhrelid, inhparent))
  AND x.reloptions IS NULL AND x.reltablespace = 0 AND NOT i.indisclustered AND NOT i.indisreplident
  AND NOT EXISTS (SELECT FROM pg_description WHERE objoid IN (c.oid, x.oid))
  -- Ni otra tabla ni otro índice único la suplen.
  AND NOT EXISTS (SELECT FROM pg_constraint WHERE confrelid = target)
  AND NOT EXISTS (SELECT FROM pg_index WHERE indrelid = target AND indisunique AND indexrelid <> c.conindid);
  EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', target, key.conname);
  -- Después de quitarla: si no, se podría dar por devuelta antes de tiempo (SET CONSTRAINTS).
  INSERT INTO etl.borrowed VALUES (target, key.conname, key.definition);
  RETURN true;
EXCEPTION WHEN lock_not_available OR no_data_found OR object_in_use OR dependent_objects_still_exist
  OR insufficient_privilege THEN
  RETURN false;
END $function$;

CREATE OR REPLACE FUNCTION etl.give_key_back(target regclass) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $function$
DECLARE
  key record;
BEGIN
  DELETE FROM etl.borrowed WHERE table_oid = target AND definition IS NOT NULL RETURNING name, definition INTO STRICT key;
  EXECUTE format('ALTER TABLE %s ADD CONSTRAINT %I %s', target, key.name, key.definition);
END $function$;

-- 2. Las referencias: comprobarlas sentencia a sentencia, todas las filas a la vez, en lugar de fila a fila.
CREATE OR REPLACE FUNCTION etl.check_references() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $function$
DECLARE
  one record;
  lost text;
BEGIN
  FOR one IN
    SELECT conname, confrelid::regclass AS parent, a.attname,
      format('p.%I OPERATOR(%s.%s) c.%I', m.attname, o.oprnamespace::regnamespace, o.oprname, a.attname) AS same
    FROM pg_constraint JOIN pg_operator AS o ON o.oid = conpfeqop[1]
    JOIN pg_attribute AS a ON a.attrelid = conrelid AND a.attnum = conkey[1]
    JOIN pg_attribute AS m ON m.attrelid = confrelid AND m.attnum = confkey[1]
    WHERE conrelid = TG_RELID AND contype = 'f'
  LOOP
    EXECUTE format('SELECT %I FROM arrived AS c WHERE %I IS NOT NULL AND NOT EXISTS (SELECT FROM ONLY %s AS p WHERE %s) LIMIT 1',
      one.attname, one.attname, one.parent, one.same) INTO lost;
    IF lost IS NOT NULL THEN
      RAISE foreign_key_violation USING MESSAGE = format('%s: «%s» no está en %s', one.conname, lost, one.parent);
    END IF;
  END LOOP;
  RETURN NULL;
END $function$;

CREATE OR REPLACE FUNCTION etl.pause_references(target regclass) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $function$
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed'  -- hay que ver lo confirmado hasta cada sentencia
    OR (SELECT count(*) FROM pg_trigger WHERE tgrelid = target AND tgname IN ('check_insert', 'check_update')
      AND tgfoid = 'etl.check_references()'::regprocedure AND tgenabled = 'D') < 2
    OR EXISTS (SELECT FROM pg_trigger WHERE tgrelid = target AND tgisinternal AND tgenabled <> 'O')
    -- Por la tabla de la que es parte o hereda entran filas sin pasar por sus disparadores de sentencia.
    OR EXISTS (SELECT FROM pg_class WHERE oid = target AND relkind <> 'r')
    OR EXISTS (SELECT FROM pg_inherits WHERE target IN (inhrelid, inhparent))
    OR EXISTS (SELECT FROM pg_constraint AS c JOIN pg_class AS p ON p.oid = confrelid
      JOIN pg_attribute AS a ON a.attrelid = conrelid AND a.attnum = conkey[1]
      JOIN pg_attribute AS m ON m.attrelid = confrelid AND m.attnum = confkey[1]
      WHERE conrelid = target AND contype = 'f' AND (cardinality(conkey) > 1 OR NOT convalidated OR p.relkind <> 'r'
        -- Las de otra persona no las puede mirar su dueño.
        OR NOT has_table_privilege(confrelid, 'SELECT') OR NOT has_schema_privilege(p.relnamespace, 'USAGE')
        -- Dos textos que se comparan de otro modo que la referencia.
        OR a.attcollation <> m.attcollation OR a.attcollation <> 0 AND a.atttypid <> m.atttypid)) THEN
    RETURN false;
  END IF;
  -- Leer la tabla se puede; escribir en ella, no, ni quitar una madre: para eso hay que reservar aquí sus hijas.
  EXECUTE format('LOCK TABLE %s IN EXCLUSIVE MODE NOWAIT', target);
  PERFORM etl.switch_references(target, 'off');
  EXECUTE format('ALTER TABLE %s ENABLE TRIGGER check_insert, ENABLE TRIGGER check_update', target);
  INSERT INTO etl.borrowed VALUES (target, 'references');
  RETURN true;
EXCEPTION WHEN lock_not_available OR object_in_use OR undefined_function OR insufficient_privilege THEN
  RETURN false;
END $function$;

CREATE OR REPLACE FUNCTION etl.resume_references(target regclass) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $function$
DECLARE
  paused text;
BEGIN
  DELETE FROM etl.borrowed WHERE table_oid = target AND definition IS NULL RETURNING name INTO STRICT paused;
  PERFORM etl.switch_references(target, 'on');
  EXECUTE format('ALTER TABLE %s DISABLE TRIGGER check_insert, DISABLE TRIGGER check_update', target);
END $function$;

CREATE OR REPLACE FUNCTION etl.all_is_back() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $function$
BEGIN
  IF EXISTS (SELECT FROM etl.borrowed WHERE table_oid = NEW.table_oid) THEN
    RAISE integrity_constraint_violation USING MESSAGE = format('falta devolver lo prestado de %s', NEW.table_oid::regclass);
  END IF;
  RETURN NULL;
END $function$;

REVOKE EXECUTE ON FUNCTION etl.take_key, etl.give_key_back, etl.check_references, etl.pause_references,
  etl.resume_references, etl.all_is_back FROM PUBLIC;
GRANT EXECUTE ON FUNCTION etl.take_key, etl.give_key_back, etl.pause_references, etl.resume_references TO etl_loader;
DO $$
DECLARE
  found regclass;
  event text;
BEGIN
  IF NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = 'etl.borrowed'::regclass AND tgname = 'all_is_back') THEN
    CREATE CONSTRAINT TRIGGER all_is_back AFTER INSERT ON etl.borrowed DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION etl.all_is_back();
  END IF;
  FOREACH event IN ARRAY ARRAY['INSERT', 'UPDATE'] LOOP
    FOR found IN
      SELECT DISTINCT conrelid FROM pg_constraint JOIN pg_class AS c ON c.oid = conrelid
      WHERE contype = 'f' AND connamespace = 'datos'::regnamespace AND pg_has_role(c.relowner, 'USAGE')
      AND NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = conrelid AND tgname = 'check_' || lower(event))
    LOOP
      EXECUTE format('CREATE TRIGGER %I AFTER %s ON %s REFERENCING NEW TABLE AS arrived FOR EACH STATEMENT'
        ' EXECUTE FUNCTION etl.check_references()', 'check_' || lower(event), event, found);
      EXECUTE format('ALTER TABLE %s DISABLE TRIGGER %I', found, 'check_' || lower(event));
    END LOOP;
  END LOOP;
END $$;
