"""pgAdmin y Adminer en un navegador de verdad: de la primera página a las filas de `ventas`, sin preguntas."""

import re
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Locator, Page

from compose.browser import open_page, picture
from compose.conftest import Clone
from compose.stack import Stack, docker, wait_until

pytestmark = pytest.mark.browser

# Con todo lo que suele romper estos archivos: dos puntos, comillas, barra y espacio.
AWKWARD_PASSWORD = r"""cla:ve "con\ de 'todo"""
QUERY = "SELECT venta_id, fecha_venta, cantidad, canal FROM ventas ORDER BY 1 LIMIT 100;"


def url(stack: Stack, port: str) -> str:
    return f"http://127.0.0.1:{stack.environment[port]}/"


def entry(page: Page, name: str) -> Locator:
    """Un nodo del árbol de pgAdmin, por su nombre (una expresión regular)."""
    return page.locator(".file-entry", has=page.locator(".file-name", has_text=re.compile(f"^(?:{name})$"))).first


def expand(page: Page, name: str, child: str) -> None:
    """Abre un nodo hasta ver un hijo. Si pgAdmin preguntara una contraseña, nunca llegaría."""
    toggle = entry(page, name).locator(".directory-toggle")
    for _ in range(300):
        if entry(page, child).count():
            return
        if "open" not in (toggle.get_attribute("class") or ""):
            toggle.click()
        page.wait_for_timeout(1000)
    raise AssertionError(f"«{name}» no se abre: {page.locator('.file-entry').all_inner_texts()}")


def open_database_in_pgadmin(page: Page) -> None:
    server, databases = r"curso_bigdata \(lector\)", "Bases de [Dd]atos|Databases"
    expand(page, "Servers", server)
    expand(page, server, databases)
    expand(page, databases, "curso_bigdata")
    entry(page, "curso_bigdata").click()
    assert page.locator("input[type=password]:visible").count() == 0


def test_pgadmin_goes_from_its_first_page_to_the_rows_of_ventas(stack: Stack, tmp_path: Path) -> None:
    with open_page(url(stack, "PGADMIN_PORT")) as page:
        open_database_in_pgadmin(page)
        page.locator('button[data-label="Herramienta de Consulta"]:enabled').click()
        tool = page.frame_locator("iframe:visible")
        tool.locator(".cm-content[contenteditable=true]:visible").first.click()
        page.keyboard.insert_text(QUERY)
        page.keyboard.press("F5")
        cells = tool.locator("[role=gridcell]")
        cells.nth(20).wait_for()
        page.wait_for_timeout(500)  # que la rejilla acabe de pintarse
        first = stack.query(QUERY)[0]
        assert [text for text in cells.all_inner_texts() if text][1:5] == first
        assert page.locator("input[type=password]:visible").count() == 0
        picture(page, "pgadmin", tmp_path)


def test_adminer_goes_from_its_first_page_to_the_rows_of_ventas(stack: Stack, tmp_path: Path) -> None:
    with open_page(url(stack, "ADMINER_PORT")) as page:
        assert page.locator("input[type=password]").count() == 0
        page.locator("a[href*='select=ventas']").first.click()
        page.locator("#table tbody tr").nth(49).wait_for()
        assert "lector" in page.content()
        picture(page, "adminer", tmp_path)
        # Otra visita a la primera página, y otra desde donde se estaba cuando la sesión ya acabó.
        for address, forget in ((url(stack, "ADMINER_PORT"), False), (page.url, True), (page.url, False)):
            if forget:
                page.context.clear_cookies()
            page.goto(address)
            page.locator("a[href*='select=ventas']").first.wait_for()
            assert page.locator("input[type=password]").count() == 0


def test_adminer_does_not_answer_to_the_name_of_another(stack: Stack) -> None:
    """Una página puede hacer que su nombre apunte a 127.0.0.1; no por eso se le contesta."""
    asked = urllib.request.Request(  # noqa: S310
        url(stack, "ADMINER_PORT"), headers={"Host": "pagina.example:8090"}
    )
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(asked, timeout=30)  # noqa: S310
    assert refused.value.code == 403


def equation(stack: Stack) -> str:
    """La de todo lo cargado, como la escribe el informe."""
    numbers = stack.query(
        "SELECT sum(rows_read), sum(rows_loaded), sum(rows_duplicate), sum(rows_rejected) FROM etl.loads"
    )[0]
    read, loaded, duplicate, rejected = (f"{int(number):,}".replace(",", ".") for number in numbers)
    return f"{read} leídas = {loaded} cargadas + {duplicate} duplicadas + {rejected} rechazadas"


@pytest.mark.parametrize(("scheme", "name"), [("light", "claro"), ("dark", "oscuro")])
def test_the_report_shows_what_was_loaded(
    stack: Stack, tmp_path: Path, scheme: Literal["light", "dark"], name: str
) -> None:
    written = stack.run("report").stdout
    assert written.startswith("Informe escrito en datos/salida/informe.html")
    page_url = (stack.folder / "datos" / "salida" / "informe.html").as_uri()
    with open_page(page_url, scheme=scheme) as page:
        assert equation(stack) in page.content()
        assert page.locator("#marts figure").count() == 3
        picture(page.locator("#marts"), f"resultados-{name}", tmp_path)


def test_both_follow_the_password_of_the_environment_file(
    make_stack: Callable[..., Stack], clone: Clone, tmp_path: Path
) -> None:
    """La contraseña cambia en .env con el volumen ya hecho: el siguiente `up` la pone y las páginas la usan."""
    stack = make_stack(clone(tmp_path / "clon"))
    assert stack.up() == 0
    stack.profiles = ("debug",)
    escaped = AWKWARD_PASSWORD.replace("\\", "\\\\").replace('"', '\\"')
    (stack.folder / ".env").write_text(f'LECTOR_PASSWORD="{escaped}"\n', encoding="utf-8")
    assert stack.config()["services"]["migrate"]["environment"]["LECTOR_PASSWORD"] == AWKWARD_PASSWORD
    assert stack.up() == 0
    for service in ("pgadmin", "adminer"):
        container = stack.container(service)
        state = ("inspect", "-f", "{{.State.Health.Status}}", container)
        wait_until(lambda state=state: docker(*state) == "healthy", 300, f"{service} sano", pause=0.5)
    with open_page(url(stack, "PGADMIN_PORT")) as page:
        open_database_in_pgadmin(page)
    with open_page(url(stack, "ADMINER_PORT")) as page:
        page.locator("a[href*='select=ventas']").first.wait_for()
