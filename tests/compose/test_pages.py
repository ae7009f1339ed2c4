"""pgAdmin y Adminer en un navegador de verdad: de la primera página a las filas de `ventas`, sin preguntas."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page

from compose.browser import open_page, picture
from compose.stack import Stack, docker, fresh_copy, wait_until

pytestmark = pytest.mark.browser

# Con todo lo que suele romper estos archivos: dos puntos, comillas, barra y espacio.
AWKWARD_PASSWORD = r"""cla:ve "con\ de 'todo"""
QUERY = (
    "SELECT venta_id, fecha_venta, cantidad, precio_unitario, canal FROM ventas ORDER BY venta_id LIMIT 100;"
)


def url(stack: Stack, port: str) -> str:
    return f"http://127.0.0.1:{stack.environment[port]}/"


def connect_in_pgadmin(page: Page, server: str) -> None:
    """Abre el árbol hasta la base de datos. Si pgAdmin preguntara la contraseña, no se abriría."""
    page.get_by_text("Servers", exact=True).dblclick()
    page.get_by_text(server, exact=True).dblclick()
    page.locator("[class*=file-entry]", has_text="Bases de Datos").or_(
        page.locator("[class*=file-entry]", has_text="Databases")
    ).first.dblclick()
    page.get_by_text("curso_bigdata", exact=True).click()


def test_pgadmin_goes_from_its_first_page_to_the_rows_of_ventas(stack: Stack, tmp_path: Path) -> None:
    with open_page(url(stack, "PGADMIN_PORT")) as page:
        connect_in_pgadmin(page, "curso_bigdata (lector)")
        page.locator('button[data-label="Herramienta de Consulta"]:enabled').click()
        editor = page.locator(".cm-content[contenteditable=true]:visible").first
        editor.click()
        page.keyboard.insert_text(QUERY)
        page.keyboard.press("F5")
        cells = page.locator("[role=gridcell]")
        cells.nth(20).wait_for()
        rows = stack.query(QUERY)
        shown = cells.all_inner_texts()
        assert rows[0][0] in shown
        assert {"web", "tienda"} & set(shown)
        assert page.locator("input[type=password]:visible").count() == 0
        picture(page, "pgadmin", tmp_path)


def test_adminer_goes_from_its_first_page_to_the_rows_of_ventas(stack: Stack, tmp_path: Path) -> None:
    with open_page(url(stack, "ADMINER_PORT")) as page:
        assert page.locator("input[type=password]").count() == 0
        page.locator("a[href*='select=ventas']").first.click()
        page.locator("#table tbody tr").nth(5).wait_for()
        assert "lector" in page.content()
        assert page.locator("#table tbody tr").count() >= 50
        picture(page, "adminer", tmp_path)


def test_both_follow_the_password_of_the_environment_file(
    make_stack: Callable[..., Stack], tmp_path: Path
) -> None:
    """La contraseña cambia en .env con el volumen ya hecho: el siguiente `up` la pone y las páginas la usan."""
    stack = make_stack(fresh_copy(tmp_path / "clon"))
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
        connect_in_pgadmin(page, "curso_bigdata (lector)")
    with open_page(url(stack, "ADMINER_PORT")) as page:
        page.locator("a[href*='select=ventas']").first.wait_for()
    stack.destroy()
