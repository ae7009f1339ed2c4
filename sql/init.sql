-- Esquemas, papeles y permisos. Las tablas son cosa de Alembic (sql/migrations).
--
-- Lo ejecuta siempre «etl migrate»: por eso cada sentencia se puede repetir. Las contraseñas no
-- están aquí: las pone «etl migrate» desde el entorno.

-- Papeles: quien manda en las tablas, quien carga y quien solo mira.
DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'etl_owner') THEN
    CREATE ROLE etl_owner NOLOGIN;
  END IF;
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'etl_loader') THEN
    CREATE ROLE etl_loader LOGIN;
  END IF;
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'lector') THEN
    CREATE ROLE lector LOGIN;
  END IF;
  -- Quien ejecuta esto puede actuar después como dueño y como cargador (SET ROLE).
  EXECUTE format('GRANT etl_owner, etl_loader TO %I', current_user);
END $$;

-- Una capa, un esquema: lo declarado, lo que llega sin declarar, lo que se consulta y el registro.
CREATE SCHEMA IF NOT EXISTS datos AUTHORIZATION etl_owner;
CREATE SCHEMA IF NOT EXISTS etl AUTHORIZATION etl_owner;
CREATE SCHEMA IF NOT EXISTS staging AUTHORIZATION etl_loader;
CREATE SCHEMA IF NOT EXISTS marts AUTHORIZATION etl_loader;

-- Nadie tiene nada por el hecho de existir.
DO $$
BEGIN
  EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
  EXECUTE format('GRANT CONNECT, TEMPORARY ON DATABASE %I TO etl_owner, etl_loader', current_database());
  EXECUTE format('GRANT CONNECT ON DATABASE %I TO lector', current_database());
  -- SELECT * FROM pedidos, sin escribir el esquema. Solo los esquemas en que nadie más puede crear: en los del
  -- cargador podría haber una función con el nombre de otra, y aquí entra también el superusuario.
  EXECUTE format('ALTER DATABASE %I SET search_path = datos, etl', current_database());
END $$;
REVOKE ALL ON SCHEMA public FROM PUBLIC;

-- El cargador escribe filas donde otro manda; solo crea tablas en staging y en marts, que son suyos.
GRANT USAGE ON SCHEMA datos, etl TO etl_loader;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA datos, etl TO etl_loader;
-- Menos en las migraciones aplicadas y en lo prestado: lo que digan se ejecutará como dueño.
DO $$
DECLARE kept text;
BEGIN
  FOREACH kept IN ARRAY ARRAY['migrations', 'alembic_version', 'borrowed'] LOOP
    IF to_regclass('etl.' || kept) IS NOT NULL THEN
      EXECUTE format('REVOKE INSERT, UPDATE, DELETE ON etl.%I FROM etl_loader', kept);
    END IF;
  END LOOP;
END $$;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA etl TO etl_loader;
ALTER DEFAULT PRIVILEGES FOR ROLE etl_owner IN SCHEMA datos, etl
  GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO etl_loader;
ALTER DEFAULT PRIVILEGES FOR ROLE etl_owner IN SCHEMA etl
  GRANT USAGE ON SEQUENCES TO etl_loader;

-- PostgreSQL deja a cualquiera tomar cerrojos (el de las migraciones también) y guardar objetos grandes. Solo lo puede
-- quitar un superusuario; donde no lo hay (una base de datos alquilada), se queda como está.
DO $$
DECLARE found regprocedure;
BEGIN
  FOR found IN SELECT oid FROM pg_catalog.pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace
    AND (proname ~ '^pg_(try_)?advisory_' OR proname ~ '^lo_' OR proname IN ('loread', 'lowrite'))
  LOOP
    EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', found);
    IF found::text LIKE '%advisory%' THEN
      EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO etl_owner, etl_loader, %I', found, current_user);
    END IF;
  END LOOP;
EXCEPTION WHEN insufficient_privilege THEN
  RAISE NOTICE 'sin un superusuario, los cerrojos y los objetos grandes quedan abiertos a todos';
END $$;

-- Los disparadores con que PostgreSQL comprueba, fila a fila, que cada hija tiene su madre son del sistema: solo un
-- superusuario los apaga y los enciende. Se lo presta al dueño, y a nadie más; cuándo, lo dice «after.sql».
DO $$
BEGIN
  IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
    RETURN;  -- una base de datos alquilada: se comprueba siempre fila a fila
  END IF;
  CREATE OR REPLACE FUNCTION etl.switch_references(target regclass, way text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp AS $function$
  DECLARE found name;
  BEGIN
    FOR found IN SELECT tgname FROM pg_trigger JOIN pg_class AS t ON t.oid = tgrelid
      WHERE tgrelid = target AND relnamespace = 'datos'::regnamespace
      AND tgfoid IN ('"RI_FKey_check_ins"()'::regprocedure, '"RI_FKey_check_upd"()'::regprocedure)
    LOOP
      EXECUTE format('ALTER TABLE %s %s TRIGGER %I', target, CASE way WHEN 'off' THEN 'DISABLE' ELSE 'ENABLE' END, found);
    END LOOP;
  END $function$;
  REVOKE EXECUTE ON FUNCTION etl.switch_references FROM PUBLIC;
  GRANT EXECUTE ON FUNCTION etl.switch_references TO etl_owner;
END $$;

-- El lector mira en todas partes y no escribe en ninguna.
GRANT USAGE ON SCHEMA datos, staging, marts, etl TO lector;
GRANT SELECT ON ALL TABLES IN SCHEMA datos, staging, marts, etl TO lector;
ALTER DEFAULT PRIVILEGES FOR ROLE etl_owner IN SCHEMA datos, etl GRANT SELECT ON TABLES TO lector;
ALTER DEFAULT PRIVILEGES FOR ROLE etl_loader IN SCHEMA staging, marts GRANT SELECT ON TABLES TO lector;
ALTER ROLE lector SET default_transaction_read_only = on;
-- No puede escribir en ninguna parte: a él sí le valen todos.
ALTER ROLE lector SET search_path = datos, marts, staging, etl;
