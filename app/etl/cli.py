"""La orden `etl`: lo que se escribe en el terminal. Cada función es una orden y su ayuda.

Los errores se vuelven mensajes y códigos de salida en `screen/failure.py`; las órdenes `etl db`
están en `cli_db.py`.
"""

import gc
import json
import sys
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from etl import startup
from etl.errors import UsageError
from etl.settings import load_settings
from extras.embedded import commands as cli_db
from extras.embedded.server import with_server
from extras.screen import failure, spanish

app = typer.Typer(
    help="De los archivos de datos/ a tablas validadas de PostgreSQL.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(cli_db.app, name="db")


class Engine(str, Enum):
    """Dónde se validan las filas."""

    pandas = "pandas"
    spark = "spark"


@app.command()
def run(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(metavar="RUTA...", help="Archivos o carpetas; sin ninguno, datos/."),
    ] = None,
    engine: Annotated[
        Engine,
        typer.Option(
            metavar="pandas|spark",
            show_default=False,
            help="Un proceso (pandas, si no se dice) o un clúster (spark).",
        ),
    ] = Engine.pandas,
    datasets: Annotated[
        Path | None, typer.Option(metavar="RUTA", help="Declaraciones de otro archivo o carpeta.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Un documento JSON por la salida estándar.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Sin avance ni resumen; solo los errores.")] = False,
    as_text: Annotated[
        bool, typer.Option("--text", help="Todas las columnas como texto, a staging; nada se interpreta.")
    ] = False,
) -> None:
    """Carga los archivos que aún no estén cargados y rehace los marts."""
    if engine is Engine.pandas:
        startup.light()
    from etl import declarations, pipeline
    from etl.database import migrate
    from extras.screen import progress

    settings = with_server(load_settings())
    migrate.ensure_ready(settings)
    classes = declarations.load(settings, datasets)
    with progress.show_progress(quiet or as_json) as report:
        announce = _ignore if quiet or as_json else _say
        result = pipeline.run(settings, paths or [], classes, report, engine.value, as_text, announce)
    if as_json:
        sys.stdout.write(json.dumps(result.to_json(), ensure_ascii=False, indent=2) + "\n")
    elif not quiet or any(file.reason for file in result.files):
        from extras.screen import summary  # rich tarda en importarse: solo si hay algo que enseñar

        summary.show(result, quiet)
    raise typer.Exit(result.exit_code)


@app.command()
def inspect(
    paths: Annotated[list[Path], typer.Argument(metavar="RUTA...", help="Archivos o carpetas.")],
    as_json: Annotated[
        bool, typer.Option("--json", help="Un documento JSON por la salida estándar.")
    ] = False,
) -> None:
    """Enseña qué hay en un archivo y cómo está escrito, sin cargarlo."""
    from etl.extract.discover import discover
    from extras.undeclared import show as screen
    from extras.undeclared.inspection import Refused, look_or_refuse
    from extras.undeclared.parts import parts

    found = [part for source in discover(paths, load_settings().datos_dir) for part in parts(source)]
    looked = [look_or_refuse(source) for source in found]
    if as_json:
        document = {"files": [one.to_json() for one in looked]}
        sys.stdout.write(json.dumps(document, ensure_ascii=False, indent=2) + "\n")
    for one in [] if as_json else looked:
        screen.show(one)
    raise typer.Exit(3 if any(isinstance(one, Refused) for one in looked) else 0)


@app.command()
def new(
    path: Annotated[Path, typer.Argument(metavar="ARCHIVO", help="El archivo que se quiere declarar.")],
) -> None:
    """Escribe la declaración de un archivo y su migración. Quedan listas para corregir."""
    from etl.database import migrate
    from etl.extract.discover import discover
    from etl.reader import place
    from extras.undeclared.inspection import inspect as look
    from extras.undeclared.new import write
    from extras.undeclared.parts import parts

    settings = load_settings()
    sources = [part for source in discover([path], settings.datos_dir) for part in parts(source)]
    if len(sources) != 1 or sources[0].part:
        raise UsageError(f"«{path}» tiene varias tablas.", "Guarde cada una en su archivo.")
    inspection = look(sources[0])
    settings = with_server(settings)
    migrate.ensure_ready(settings)
    for written in write(inspection, settings):
        typer.echo(f"Escrito: {place(written)}")
    typer.echo("Revíselos y ejecute «etl migrate» y «etl run»: el archivo pasará de staging a su tabla.")


@app.command()
def status() -> None:
    """Enseña las tablas, sus filas y las últimas cargas."""
    from extras.screen.status import show_status

    show_status(with_server(load_settings()))


@app.command()
def rejects(
    dataset: Annotated[str | None, typer.Argument(metavar="TABLA", help="Solo las de esta tabla.")] = None,
    csv: Annotated[
        Path | None,
        typer.Option("--csv", metavar="ARCHIVO", help="Las escribe en un CSV para corregirlas y cargarlas."),
    ] = None,
) -> None:
    """Enseña las filas rechazadas y por qué. Con --csv, las prepara para corregirlas."""
    from etl import declarations
    from etl.reader import program
    from extras.quarantine import export as quarantine
    from extras.screen.progress import rows

    settings = with_server(load_settings())
    if csv is None:
        quarantine.show_rejects(settings, dataset)
        return
    count = quarantine.export_rejects(settings, dataset, csv, declarations.load(settings, None))
    typer.echo(f"{rows(count)} en «{csv}». Corríjalas y cárguelas: {program()} run {csv}")


@app.command()
def report(
    output: Annotated[
        Path | None,
        typer.Option(metavar="ARCHIVO", help="El archivo que se escribe; si no, datos/salida/informe.html."),
    ] = None,
) -> None:
    """Escribe un informe de las cargas. Es una página para el navegador, que se abre sin red."""
    from etl.reader import place
    from extras import report as reports

    written = reports.write(with_server(load_settings()), output)
    typer.echo(f"Informe escrito en {place(written)}: ábralo con el navegador.")


@app.command()
def doctor(
    as_json: Annotated[
        bool, typer.Option("--json", help="Un documento JSON por la salida estándar.")
    ] = False,
) -> None:
    """Dice qué está mal y cómo se arregla. Mira la máquina, Docker, la base de datos y los archivos."""
    from extras import doctor as diagnosis
    from extras.doctor.show import show

    findings = diagnosis.examine(load_settings())
    wrong = any(finding.state == "bad" for finding in findings)
    if as_json:
        document = {"ok": not wrong, "findings": [finding.to_json() for finding in findings]}
        sys.stdout.write(json.dumps(document, ensure_ascii=False, indent=2) + "\n")
    else:
        show(findings)
    raise typer.Exit(1 if wrong else 0)


@app.command()
def generate(
    rows: Annotated[
        int,
        typer.Option(min=1, metavar="N", show_default=False, help="Líneas de venta; si no, 50.000."),
    ] = 50_000,
    output: Annotated[
        Path | None, typer.Option(metavar="CARPETA", help="Carpeta de salida; si no, datos/.")
    ] = None,
    seed: Annotated[
        int,
        typer.Option(
            metavar="N",
            show_default=False,
            help="La misma semilla da los mismos archivos, byte a byte; si no, 2026.",
        ),
    ] = 2026,
) -> None:
    """Genera la tienda de ejemplo del tamaño que se pida. Lleva errores puestos a propósito."""
    from extras.generate import generate as generate_shop

    folder = output or load_settings().datos_dir
    files = generate_shop(folder, rows, seed)
    total = sum(file.rows_read for file in files.values())
    typer.echo(f"{total} filas en {len(files)} archivos de {folder}; sus errores, en {folder / 'README.md'}.")


@app.command()
def migrate() -> None:
    """Prepara la base de datos: esquemas, usuarios y tablas."""
    from etl.database.migrate import migrate as prepare

    typer.echo(f"Base de datos en la versión {prepare(with_server(load_settings()))}.")


spanish.speak_spanish(app)


def _say(text: str) -> None:
    typer.echo(text, err=True)


def _ignore(_text: str) -> None:
    pass


def main(arguments: list[str] | None = None) -> None:
    """El punto de entrada: ejecuta la orden y sale con su código."""
    # Importar las librerías crea muchos objetos y ninguna basura: revisarla costaba 0,1 s por orden.
    gc.set_threshold(300_000)
    code = failure.run_command(app, arguments)
    # Ídem al salir, 0,25 s: Python buscaría ciclos en todo lo que queda, y el sistema lo libera igual.
    gc.freeze()
    sys.exit(code)
