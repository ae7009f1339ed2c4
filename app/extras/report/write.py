"""El informe de las cargas: una página HTML suelta, que se abre sin red y sin servidor.

Entra una configuración; sale `datos/salida/informe.html`.

    figures.py   pregunta a la base de datos     sections.py   qué dice cada sección
    marts.py     qué gráfico le va a cada mart   svg.py        números -> dibujo
    page.py      todo junto, en HTML: page.html, que es la página, y style.css
"""

from dataclasses import replace
from pathlib import Path

from etl.settings import Settings
from extras.catalog.tables import reading
from extras.output import new_file
from extras.report.figures import read_figures, read_profiles
from extras.report.page import render

DEFAULT_NAME = "informe.html"


def write(settings: Settings, output: Path | None = None) -> Path:
    """Escribe el informe y devuelve dónde; repetirlo lo reescribe.

    Lanza `UsageError` si no se puede escribir ahí.
    """
    path = output or settings.datos_dir / "salida" / DEFAULT_NAME
    with reading(settings) as connection:
        figures = read_figures(connection, settings.sql_dir / "marts")
    # Aparte: con muchas tablas dura, y nadie podría rehacer un mart entretanto.
    with reading(settings) as connection:
        html = render(replace(figures, tables=read_profiles(connection)))
    with new_file(path, "Indique otro sitio con --output.") as file:
        file.write(html.encode())
    return path
