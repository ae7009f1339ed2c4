"""La página del informe: completa, bien formada y sin nada que pida algo a la red."""

import re
from dataclasses import replace
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from extras.report import page
from extras.report.figures import Figures, Mart
from extras.report.marts import panel
from extras.report.svg import NARROW, WIDE, Chart, Series, columns, nice_top, squares
from extras.report.text import number, percent, short, size

VOID = {"meta", "link", "img", "br"}


class Reader(HTMLParser):
    """Lee la página y apunta las etiquetas que se abren y las que quedan sin cerrar."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def read(html: str) -> Reader:
    reader = Reader()
    reader.feed(html)
    assert reader.open == []
    return reader


def test_every_tag_is_closed_and_no_value_becomes_markup(figures: Figures) -> None:
    reader = read(page.render(figures))
    names = {name for name, _ in reader.tags}
    assert not names & {"script", "img", "iframe", "object"}
    assert not [attributes for _, attributes in reader.tags if any(key.startswith("on") for key in attributes)]


def test_nothing_is_fetched(figures: Figures) -> None:
    html = page.render(figures)
    addresses = [
        value for _, attributes in read(html).tags for key, value in attributes.items() if key in ("href", "src")
    ]
    assert all(str(address).startswith(("#", "data:")) for address in addresses)
    assert "url(" not in html
    assert "@import" not in html


def test_every_drawing_has_a_name_and_every_link_a_target(figures: Figures) -> None:
    tags = read(page.render(figures)).tags
    assert all(attributes.get("aria-label") for name, attributes in tags if name == "svg")
    ids = {attributes.get("id") for _, attributes in tags}
    assert {f"#{key}" for key in ids if key} >= {str(attributes["href"]) for name, attributes in tags if name == "a"}


def test_the_files_that_did_not_enter_say_why(figures: Figures) -> None:
    html = page.render(figures)
    assert "No vale: &lt;script&gt;" in html
    assert "no se admite" in html


def test_the_equation_is_written_out(figures: Figures) -> None:
    assert "2.000 leídas = 1.940 cargadas + 20 duplicadas + 40 rechazadas" in page.render(figures)


def test_the_most_frequent_reasons_are_in_sight_and_the_others_folded(figures: Figures) -> None:
    assert "y 3 motivos más" in page.render(figures)


def test_a_database_without_loads_gives_a_page_that_says_what_to_do(figures: Figures) -> None:
    html = page.render(replace(figures, changes=[], files=[], qualities=[], examples=[], loads=[], tables=[], marts=[]))
    read(html)
    assert "etl run" in html


def test_each_mart_gets_the_drawing_that_its_columns_ask_for(figures: Figures) -> None:
    panels = {mart.name: panel(mart) for mart in figures.marts}
    for plain in ("suelto", "vacio"):
        assert (panels[plain].chart, panels[plain].ranking) == (None, ())
    assert [written for *_, written in panels["top"].ranking] == ["9 €", "3 €"]
    assert panels["ventas_mensuales"].chart
    assert panels["ventas_mensuales"].draw is columns
    assert panels["rfm"].chart
    assert panels["rfm"].draw is squares


def scored(figures: Figures, rows: list[tuple[Any, ...]]) -> Mart:
    """El mart «rfm», con otras filas."""
    [rfm] = [one for one in figures.marts if one.name == "rfm"]
    return replace(rfm, columns=dict(zip(rfm.columns, map(list, zip(*rows, strict=True)), strict=True)))


def test_the_grid_counts_the_rows_of_each_pair_of_scores(figures: Figures) -> None:
    rows = [(10, 1, 5, Decimal(90)), *((10 + n, n, n, Decimal(2)) for n in range(1, 6))]
    found = panel(scored(figures, rows))
    assert found.heading == "Filas por r y f, de 1 a 5"
    assert found.table[1] == [
        ["f 5", "1", "0", "0", "0", "1"],
        ["f 4", "0", "0", "0", "1", "0"],
        ["f 3", "0", "0", "1", "0", "0"],
        ["f 2", "0", "1", "0", "0", "0"],
        ["f 1", "1", "0", "0", "0", "0"],
    ]
    assert found.chart
    assert found.chart.hints[:2] == ["r 1, f 5: 1 fila, gasto medio 90 €", "r 2, f 5: 0 filas"]


def test_neither_small_counts_nor_keys_are_scores(figures: Figures) -> None:
    for rows in [(7, 1, 2, Decimal(3)), (8, 5, 1, Decimal(4))], [(n, n, n, Decimal(1)) for n in range(1, 6)]:
        assert panel(scored(figures, rows)).chart is None


def test_a_mart_by_month_adds_up_each_series(figures: Figures) -> None:
    chart = panel(figures.marts[0]).chart
    assert chart
    assert chart.labels[:2] == ["ene", "feb"]
    assert [one.name for one in chart.series] == ["tienda", "web"]
    assert chart.series[0].values == [1234.5] * 12


def test_numbers_are_written_as_in_spanish() -> None:
    assert number(1234567.891, 2) == "1.234.567,89"
    assert (short(1_500_000), short(35_000), short(800)) == ("1,5 M", "35 mil", "800")
    assert (size(512), size(2_345), size(123_456_789)) == ("512 B", "2,3 KB", "123 MB")
    assert (percent(0, 5), percent(5, 5), percent(1, 800), percent(1, 0)) == ("0 %", "100 %", "0,12 %", "0 %")


def test_the_labels_of_the_axis_never_touch() -> None:
    """Veintiocho cargas de tres ejecuciones: en un teléfono solo caben dos horas enteras."""
    labels = [""] * 28
    labels[0], labels[8], labels[16] = "24 nov 06:06", "24 nov 06:07", "24 nov 06:08"
    chart = Chart("Filas", labels, [Series("filas", [5.0] * 28, "c1")], [""] * 28)
    assert re.findall(r">(24 nov [\d:]+)<", columns(chart, NARROW)) == ["24 nov 06:06", "24 nov 06:08"]
    assert re.findall(r">(24 nov [\d:]+)<", columns(chart, WIDE)) == labels[::8][:3]


@pytest.mark.parametrize(("value", "top"), [(0, 1), (0.3, 0.3), (7, 8), (99, 100), (4225, 5000), (10_001, 15_000)])
def test_the_axis_ends_in_a_round_number(value: float, top: float) -> None:
    assert nice_top(value) == pytest.approx(top)


def luminance(color: str) -> float:
    if len(color) == 4:
        color = "#" + "".join(digit * 2 for digit in color[1:])
    channels = [int(color[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_and_colours_stand_out_enough(scheme: str) -> None:
    """Lo que pide la WCAG 2.2 AA: 4,5 para el texto y 3 para los dibujos."""
    blocks = re.findall(r":root \{(.*?)\}", Path(page.STYLE).read_text(encoding="utf-8"), re.DOTALL)
    colors = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{3,6})", blocks[scheme == "dark"]))
    for surface in ("page", "card", "soft"):
        for text in ("ink", "muted"):
            assert contrast(colors[text], colors[surface]) >= 4.5, (text, surface)
    for drawing in ("good", "twin", "bad", "c1", "c2", "c3", "c4", "c5", "c6"):
        assert contrast(colors[drawing], colors["card"]) >= 3, drawing


def test_the_repaired_rows_are_counted_apart(figures: Figures) -> None:
    assert "2,0 %, en cuarentena; 7 más, ya corregidas" in page.render(figures)


def test_what_changed_is_told_without_what_did_not(figures: Figures) -> None:
    html = page.render(figures)
    assert (
        "<b>datos.ventas</b> 1 archivo nuevo · 2 vueltos a cargar · 1 archivo que no entró · 1.230 filas nuevas"
        " · 1 actualizada · 20 rechazadas · 2 corregidas</li>"
    ) in html
    assert "1 archivo nuevo · 1 fila nueva</li>" in html
    assert "el 23 nov 2026, 18:30: 0,75 s cargando" in html


def test_each_column_says_what_it_is_and_what_its_values_are_like(figures: Figures) -> None:
    html = page.render(figures)
    assert (
        '<th scope="row">venta_id<p class="hint">número de venta</p><small>clave · de tickets.venta_id · bigint</small>'
        in html
    )
    assert "venta_id: de 1 a 9" in html
    assert html.count("Aprox.: de una muestra de 200.000 filas.") == 1
    assert html.count("Y 21 columnas más.") == 2
    assert html.count('class="bars"') == 2
