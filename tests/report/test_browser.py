"""El informe en un navegador de verdad: tres anchos, claro y oscuro."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from extras.report import page
from extras.report.figures import Figures

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="falta playwright")
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("falta chromium")
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 820, 1280])
def test_it_opens_clean_fits_and_asks_the_network_for_nothing(
    browser: Any, figures: Figures, tmp_path: Path, width: int, scheme: str
) -> None:
    path = tmp_path / "informe.html"
    path.write_text(page.render(figures), encoding="utf-8")
    tab = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    complaints: list[str] = []
    requests: list[str] = []
    tab.on("console", lambda message: complaints.append(message.text))
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.on("request", lambda request: requests.append(request.url))
    tab.goto(path.as_uri())
    for summary in tab.locator("summary").all():
        if summary.is_visible():
            summary.click()
    assert complaints == []
    assert [url for url in requests if not url.startswith(("data:", path.as_uri()))] == []
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    background = tab.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (background == "rgb(13, 17, 23)") == (scheme == "dark")
    # De cada gráfico se ve un solo tamaño, con letra que se lee.
    sizes = tab.locator("svg[viewBox] text:visible").evaluate_all(
        "all => all.map(t => t.getBoundingClientRect().height)"
    )
    assert sizes
    assert min(sizes) >= 10
    tab.close()
