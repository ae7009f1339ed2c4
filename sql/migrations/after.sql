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
