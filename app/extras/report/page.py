"""La página entera: cabecera, resumen y las secciones, con el estilo dentro.

Entra un `Figures` y sale un texto HTML que no pide nada a nadie: ni fuentes, ni guiones, ni
imágenes. La política de contenido (CSP) lo prohíbe además al navegador.
"""

from pathlib import Path

from extras.report import drawings, sections, tables
from extras.report.figures import Figures
from extras.report.text import esc, moment, number, percent

STYLE = Path(__file__).with_name("style.css")
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
ICON = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E"
    "%3Crect x='1' y='8' width='4' height='7' rx='1' fill='%232563eb'/%3E%3Crect x='6' y='4' width='4' "
    "height='11' rx='1' fill='%232563eb'/%3E%3Crect x='11' y='1' width='4' height='14' rx='1' "
    "fill='%232563eb'/%3E%3C/svg%3E"
)
SECTIONS = (
    ("archivos", "Archivos", sections.files),
    ("calidad", "Calidad", sections.quality),
    ("velocidad", "Volumen y velocidad", drawings.speed),
    ("tablas", "Tablas", tables.tables),
    ("marts", "Resultados", drawings.marts),
)


def render(figures: Figures) -> str:
    """El HTML del informe."""
    links = "".join(f'<a href="#{key}">{name}</a>' for key, name, _ in SECTIONS)
    body = "".join(
        f'<section id="{key}" aria-labelledby="t-{key}"><h2 id="t-{key}">{name}</h2>{build(figures)}</section>'
        for key, name, build in SECTIONS
    )
    return f"""<!doctype html>
<html lang="es">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<title>Informe de cargas · {esc(figures.database)}</title>
<link rel="icon" href="{ICON}">
<style>
{STYLE.read_text(encoding="utf-8")}</style>
</head>
<body>
<a class="skip" href="#archivos">Ir al contenido</a>
<header>
<div class="brand"><h1>Informe de cargas</h1>
<p>{esc(figures.database)} · PostgreSQL {esc(figures.server)} · {moment(figures.taken_at)}</p></div>
<nav aria-label="Secciones">{links}</nav>
</header>
<main>
{_summary(figures)}
{body}
</main>
<footer>Escrito por <code>etl report</code>. Los números salen de <code>etl.loads</code>,
<code>etl.rejects</code> y el esquema <code>marts</code>.</footer>
</body>
</html>
"""


def _summary(figures: Figures) -> str:
    read, loaded, duplicate, rejected, repaired = (
        sum(getattr(one, f"rows_{name}") for one in figures.qualities)
        for name in ("read", "loaded", "duplicate", "rejected", "repaired")
    )
    mended = f"; {number(repaired)} más, ya corregidas" if repaired else ""
    tiles = [
        ("Archivos cargados", number(sum(one.files for one in figures.qualities)), ""),
        ("Filas leídas", number(read), ""),
        ("Cargadas", number(loaded), f"{percent(loaded, read)} de las leídas"),
        ("Duplicadas", number(duplicate), "su clave ya estaba"),
        ("Rechazadas", number(rejected), f"{percent(rejected, read)}, en cuarentena{mended}"),
    ]
    styles = ("", "", "good", "twin", "bad")
    cards = "".join(
        f'<div class="tile {style}"><dt>{name}</dt><dd>{value}<small>{note}</small></dd></div>'
        for (name, value, note), style in zip(tiles, styles, strict=True)
    )
    equation = (
        f"La cuenta cuadra: {number(read)} leídas = {number(loaded)} cargadas + {number(duplicate)} duplicadas"
        f" + {number(rejected)} rechazadas."
    )
    equation = f'<p class="equation"><span aria-hidden="true">✔</span> {equation}</p>'
    return f'<dl class="tiles">{cards}</dl>{equation}{sections.changes(figures)}'
