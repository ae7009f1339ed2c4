"""El navegador de las pruebas: el Chromium del sistema, sin ventana y sin hablar con nadie más."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Locator, Page, sync_playwright

from etl.settings import ROOT

# Sin red de segundo plano: solo se piden las páginas del stack.
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
PICTURES = ROOT / "docs" / "img"


@contextmanager
def open_page(url: str, seconds: float = 300, scheme: Literal["light", "dark"] = "light") -> Iterator[Page]:
    """Abre una página en español, del tamaño de las capturas del README.

    `seconds` es mucho a propósito: pgAdmin son megas de JavaScript y la máquina puede estar ocupada.
    """
    program = shutil.which("chromium") or shutil.which("google-chrome") or shutil.which("chromium-browser")
    if not program:
        pytest.skip("falta Chromium (en Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        size = {"width": 1280, "height": 720}
        page = browser.new_page(viewport=size, locale="es-ES", color_scheme=scheme)  # type: ignore[arg-type]
        page.set_default_timeout(seconds * 1000)
        page.goto(url)
        try:
            yield page
        finally:
            browser.close()


def picture(page: Page | Locator, name: str, folder: Path) -> Path:
    """Guarda una captura de la página o de una parte; con UPDATE_PICTURES=1, la del README, en docs/img."""
    path = (PICTURES if os.environ.get("UPDATE_PICTURES") else folder) / f"{name}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=path)
    return path
