"""Une el núcleo (`etl/`) con lo que lo acompaña (`extras/`): el único módulo que conoce las dos cosas.

Es lo que ejecuta la orden `etl`. Lo que tarda en importarse se importa al usarlo.
"""

from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

from etl import cli

if TYPE_CHECKING:
    from etl.parts import Parts


def late(module: str, name: str) -> Callable[..., Any]:
    """Una función de otro módulo, que se importa al llamarla."""

    def call(*arguments: Any, **options: Any) -> Any:
        return getattr(import_module(f"extras.{module}"), name)(*arguments, **options)

    return call


def assemble() -> "Parts":
    """Todo lo que acompaña al núcleo."""
    from etl.extract.read import Reading
    from etl.parts import Parts
    from extras.bulk.records import split
    from extras.bulk.writer import open_local
    from extras.formats.archives import members
    from extras.formats.json_text import one_per_line
    from extras.formats.look import look_above_header, look_at_encoding
    from extras.formats.readers import TABLES
    from extras.marts.changed import renew
    from extras.settings import live_settings
    from extras.undeclared.declared_now import declared_now

    reading = Reading(TABLES, look_at_encoding, look_above_header, one_per_line, split)
    open_cluster = late("spark.cluster", "open_cluster")  # solo quien pide un clúster paga Java
    return Parts(
        live_settings=live_settings,
        engines={"local": open_local, "spark": partial(open_cluster, reading=reading)},
        check_migrations=late("revision.written", "check"),
        reading=reading,
        members=members,
        undeclared=late("undeclared.one_table", "load_undeclared"),
        declared_now=declared_now,
        correct=late("quarantine.correction", "load_correction"),
        mend=late("quarantine.correction", "mend"),
        already=late("many.already", "already_loaded"),
        renew_mart=renew,
        explain=late("doctor.causes", "explain"),
    )


def add_commands(app: Any) -> None:
    """Las órdenes, con lo que aquí se añade a las del núcleo, y la ayuda en español."""
    import_module("extras.screen.core_commands").add(app)
    app.command()(cli.migrate)
    for part in ("revision", "undeclared", "report", "catalog", "profile", "forget", "doctor", "embedded"):
        import_module(f"extras.{part}.commands").add(app)
    # tienda
    add_shop(app)
    # /tienda
    import_module("extras.screen.commands").add(app)
    import_module("extras.screen.spanish").speak_spanish(app)


# tienda
def add_shop(app: Any) -> None:
    """La orden de la tienda de ejemplo, que está con ella (`shop/`) y fuera de app/."""
    import sys

    from etl.settings import ROOT

    if (ROOT / "shop" / "generate").is_dir():
        sys.path.append(str(ROOT / "shop"))
        import_module("generate.commands").add(app)


# /tienda
def main(arguments: list[str] | None = None) -> None:
    """La orden `etl`."""
    cli.main(arguments, assemble, add_commands)


if __name__ == "__main__":
    main()
