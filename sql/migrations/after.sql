-- Lo que va detrás de las migraciones: «etl migrate» lo ejecuta como dueño, y se puede repetir.
--
-- Apunta, mientras se carga, qué grupos de un mart cambian (lo usa app/extras/groups), también en las tablas nuevas. Las
-- filas que llegan no se miran, que frenaría COPY: se encuentran después por su carga.
DO $$
DECLARE
  found regclass;
  event text;
BEGIN
  IF to_regclass('etl.loads') IS NULL THEN
    RETURN;
  END IF;
  -- Con diez mil archivos en el libro, encontrar uno por su nombre o por su huella cuesta lo que con uno.
  CREATE INDEX IF NOT EXISTS ix_loads_file ON etl.loads (file);
  CREATE INDEX IF NOT EXISTS ix_loads_sha256 ON etl.loads (sha256);

  CREATE TABLE IF NOT EXISTS etl.grains (
    mart text CONSTRAINT pk_grains PRIMARY KEY, table_name text NOT NULL, columns text[] NOT NULL, filenode oid);
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
  CREATE OR REPLACE TRIGGER note_load
  AFTER INSERT OR UPDATE OF status, rows_read, rows_loaded, rows_updated, rows_duplicate, rows_rejected ON etl.loads
  FOR EACH ROW WHEN (NEW.status = 'loaded') EXECUTE FUNCTION etl.note_load();

  -- Solo donde falta: crearlo espera a quien esté cargando.
  FOREACH event IN ARRAY ARRAY['DELETE', 'UPDATE'] LOOP
    FOR found IN
      SELECT c.oid FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attname = '_load_id'
      WHERE c.relnamespace = 'datos'::regnamespace AND c.relkind = 'r' AND NOT a.attisdropped
      AND NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = c.oid AND tgname = 'note_' || lower(event))
    LOOP
      EXECUTE format('CREATE TRIGGER %I AFTER %s ON %s REFERENCING OLD TABLE AS gone FOR EACH STATEMENT'
        ' EXECUTE FUNCTION etl.note_gone()', 'note_' || lower(event), event, found);
    END LOOP;
  END LOOP;
END $$;

-- La clave de una tabla que se va a llenar se construye mejor al final (lo usa app/extras/bulk). El cargador no es dueño de
-- la tabla: aquí el dueño hace por él solo esto, y solo con una tabla vacía cuya clave no usa nadie.
CREATE TABLE IF NOT EXISTS etl.taken_keys (table_oid oid NOT NULL, name text NOT NULL, definition text NOT NULL);
REVOKE INSERT, UPDATE, DELETE ON etl.taken_keys FROM etl_loader;

-- Si no se puede, o alguien tiene la tabla, no hace nada y lo dice.
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
  -- Que lo que dice su definición sea todo.
  AND x.reloptions IS NULL AND x.reltablespace = 0 AND NOT i.indisclustered AND NOT i.indisreplident
  AND NOT EXISTS (SELECT FROM pg_description WHERE objoid IN (c.oid, x.oid))
  -- Ni otra tabla ni otro índice único la suplen.
  AND NOT EXISTS (SELECT FROM pg_constraint WHERE confrelid = target)
  AND NOT EXISTS (SELECT FROM pg_index WHERE indrelid = target AND indisunique AND indexrelid <> c.conindid);
  EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', target, key.conname);
  -- Después de quitarla: así lo que se comprueba al apuntarlo no puede pasar antes de tiempo.
  INSERT INTO etl.taken_keys VALUES (target, key.conname, key.definition);
  RETURN true;
EXCEPTION WHEN lock_not_available OR no_data_found OR dependent_objects_still_exist OR insufficient_privilege THEN
  RETURN false;
END $function$;

-- Comprueba las referencias de todas las filas. Ninguna madre puede irse entretanto: para eso hay que mirar esta tabla.
CREATE OR REPLACE FUNCTION etl.give_key_back(target regclass) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $function$
DECLARE
  key record;
  one record;
  lost text;
BEGIN
  DELETE FROM etl.taken_keys WHERE table_oid = target RETURNING name, definition INTO STRICT key;
  EXECUTE format('ALTER TABLE %s ADD CONSTRAINT %I %s', target, key.name, key.definition);
  IF NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = target AND tgisinternal AND tgenabled = 'D') THEN
    RETURN;
  END IF;
  FOR one IN
    SELECT conname, confrelid::regclass AS parent,
      format('p.%I OPERATOR(%s.%s) c.%I', m.attname, o.oprnamespace::regnamespace, o.oprname, a.attname) AS same, a.attname
    FROM pg_constraint JOIN pg_operator AS o ON o.oid = conpfeqop[1]
    JOIN pg_attribute AS a ON a.attrelid = conrelid AND a.attnum = conkey[1]
    JOIN pg_attribute AS m ON m.attrelid = confrelid AND m.attnum = confkey[1]
    WHERE conrelid = target AND contype = 'f'
  LOOP
    EXECUTE format('SELECT %I FROM %s AS c WHERE %I IS NOT NULL AND NOT EXISTS (SELECT FROM ONLY %s AS p WHERE %s) LIMIT 1',
      one.attname, target, one.attname, one.parent, one.same) INTO lost;
    IF lost IS NOT NULL THEN
      RAISE foreign_key_violation USING MESSAGE = format('%s: «%s» no está en %s', one.conname, lost, one.parent);
    END IF;
  END LOOP;
  PERFORM etl.resume_references(target);
END $function$;

-- Al confirmar, todo tiene que estar como estaba.
CREATE OR REPLACE FUNCTION etl.key_is_back() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $function$
BEGIN
  IF EXISTS (SELECT FROM etl.taken_keys WHERE table_oid = NEW.table_oid)
    OR EXISTS (SELECT FROM pg_trigger WHERE tgrelid = NEW.table_oid AND tgisinternal AND tgenabled = 'D') THEN
    RAISE integrity_constraint_violation USING MESSAGE = format('falta devolver la clave de %s', NEW.table_oid::regclass);
  END IF;
  RETURN NULL;
END $function$;
REVOKE EXECUTE ON FUNCTION etl.take_key, etl.give_key_back, etl.key_is_back FROM PUBLIC;
GRANT EXECUTE ON FUNCTION etl.take_key, etl.give_key_back TO etl_loader;
DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = 'etl.taken_keys'::regclass AND tgname = 'key_is_back') THEN
    CREATE CONSTRAINT TRIGGER key_is_back AFTER INSERT ON etl.taken_keys DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION etl.key_is_back();
  END IF;
END $$;
