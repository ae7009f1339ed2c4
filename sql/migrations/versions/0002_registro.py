"""El registro de las bases de datos de antes, como lo deja ahora la 0001: en una nueva no hace nada."""

from alembic import op

revision = "0002_registro"
down_revision = "0002_tienda"
branch_labels = None
depends_on = None

# Qué filas les quedan a las cargas de antes se cuenta aquí por última vez. Sus claves se quedan sin saber.
SINCE_THEN = """
ALTER TABLE etl.loads ADD COLUMN keys jsonb, ADD COLUMN ceded boolean DEFAULT false NOT NULL;
COMMENT ON COLUMN etl.loads.keys IS 'entre qué valores están sus claves; nulo si no se sabe';
COMMENT ON COLUMN etl.loads.ceded IS 'otra carga posterior se quedó con alguna de sus filas';
CREATE TABLE etl.marts (name text CONSTRAINT pk_marts PRIMARY KEY, table_oid oid NOT NULL, query text NOT NULL,
  reads text[], loads text NOT NULL);
COMMENT ON TABLE etl.marts IS 'De qué salió cada mart. Grano: un mart.';
COMMENT ON COLUMN etl.marts.table_oid IS 'la tabla que se hizo; si hay otra, no es esta';
COMMENT ON COLUMN etl.marts.query IS 'huella de su SELECT';
COMMENT ON COLUMN etl.marts.reads IS 'tablas que lee; nulo si pueden ser todas';
COMMENT ON COLUMN etl.marts.loads IS 'qué cargas de esas tablas había al hacerlo';
DO $$
DECLARE loaded text;
BEGIN
  FOR loaded IN SELECT DISTINCT table_name FROM etl.loads WHERE status = 'loaded' AND table_name LIKE 'datos.%' LOOP
    IF to_regclass('datos.' || quote_ident(substr(loaded, 7))) IS NOT NULL THEN
      EXECUTE format(
        'WITH held AS MATERIALIZED (SELECT _load_id, count(*) AS rows FROM datos.%I GROUP BY 1)'
        ' UPDATE etl.loads SET ceded = true WHERE table_name = %L AND status = ''loaded'''
        ' AND rows_loaded > coalesce((SELECT rows FROM held WHERE _load_id = load_id), 0)', substr(loaded, 7), loaded);
    END IF;
  END LOOP;
END $$
"""


def upgrade() -> None:
    if not op.get_bind().dialect.has_table(op.get_bind(), "marts", schema="etl"):
        op.execute(SINCE_THEN)


def downgrade() -> None:
    """Nada: la 0001 es la que lo quita."""
