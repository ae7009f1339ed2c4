"""Para que las bases de datos de antes ejecuten `after.sql`, que va detrás de cualquier migración."""

revision = "0002_grupos"
down_revision = "0002_registro"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nada: lo hace `env.py`."""


def downgrade() -> None:
    """Nada: lo que hay ahí no estorba."""
