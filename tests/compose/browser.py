"""El navegador de las pruebas: el Chromium del sistema, sin ventana y sin hablar con nadie más."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Page, sync_playwright

from etl.settings import ROOT

# Sin red de segundo plano: solo se piden las páginas del stack.
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
PICTURES = ROOT / "docs" / "img"


@contextmanager
def open_page(url: str, seconds: float = 60) -> Iterator[Page]:
    """Abre una página en español, del tamaño de las capturas del README."""
    program = shutil.which("chromium") or shutil.which("google-chrome") or shutil.which("chromium-browser")
    if not program:
        pytest.skip("falta Chromium (en Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        page = browser.new_page(viewport={"width": 1280, "height": 720}, locale="es-ES")
        page.set_default_timeout(seconds * 1000)
        page.goto(url)
        try:
            yield page
        finally:
            browser.close()


def picture(page: Page, name: str, folder: Path) -> Path:
    """Guarda una captura; con UPDATE_PICTURES=1, en docs/img, que es de donde las toma el README."""
    path = (PICTURES if os.environ.get("UPDATE_PICTURES") else folder) / f"{name}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=path)
    return path
