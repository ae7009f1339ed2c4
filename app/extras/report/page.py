"""La página entera: un `Figures` -> un texto HTML, con `page.html` y el estilo dentro."""

from pathlib import Path

from mako.template import Template

from extras.report.figures import Figures

PAGE, STYLE = Path(__file__).with_name("page.html"), Path(__file__).with_name("style.css")


def render(figures: Figures) -> str:
    """El HTML del informe."""
    page = Template(filename=str(PAGE), default_filters=["h"], strict_undefined=True)  # noqa: S702 - «h» lo protege todo
    html: str = page.render_unicode(figures=figures, style=STYLE.read_text(encoding="utf-8"))
    return html.strip()
