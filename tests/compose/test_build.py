"""En una máquina que aún no tiene las imágenes propias, cada orden construye sola las que necesita."""

from collections.abc import Iterator

import pytest

from compose.stack import Stack, docker

ETL, SPARK = "ETL_IMAGE", "SPARK_IMAGE"


@pytest.fixture
def bare(fresh: Stack) -> Iterator[Stack]:
    """Un stack cuyas imágenes aún no existen."""
    fresh.environment |= {name: f"etl-local/{name.lower()}:{fresh.name}" for name in (ETL, SPARK)}
    yield fresh
    fresh.destroy()
    for image in filter(None, (existing(fresh, name) for name in (ETL, SPARK))):
        docker("image", "rm", image)


def existing(stack: Stack, variable: str) -> str:
    """La imagen de esa variable, si ya se construyó; si no, nada."""
    return docker("image", "ls", "--format", "{{.Repository}}:{{.Tag}}", stack.environment[variable])


@pytest.mark.parametrize(
    ("profile", "command", "made"),
    [
        ((), ("up", "--detach"), {ETL}),
        ((), ("up", "--build", "--detach"), {ETL}),
        ((), ("run", "--rm", "-T", "migrate"), {ETL}),
        ((), ("run", "--rm", "-T", "app_etl", "report"), {ETL}),
        (("spark",), ("up", "--detach"), {ETL, SPARK}),
        (("spark",), ("up", "--detach", "spark-history"), {SPARK}),
        (("spark",), ("run", "--rm", "-T", "app_spark", "status"), {ETL, SPARK}),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_on_a_machine_without_the_images_each_command_builds_what_it_needs(
    bare: Stack, profile: tuple[str, ...], command: tuple[str, ...], made: set[str]
) -> None:
    bare.profiles = profile
    bare.compose(*command, timeout=1200)
    assert {name for name in (ETL, SPARK) if existing(bare, name)} == made


def test_a_new_image_reaches_also_those_who_do_not_build_it(bare: Stack) -> None:
    bare.compose("up", "--detach", timeout=900)
    bare.wait("app_etl")
    with (bare.folder / "Dockerfile").open("a", encoding="utf-8") as recipe:
        recipe.write("# un cambio\n")
    bare.compose("up", "--build", "--detach", timeout=900)
    now = docker("image", "inspect", "-f", "{{.Id}}", bare.environment[ETL])
    assert {bare.inspect(service)["Image"] for service in ("migrate", "app_etl")} == {now}
