"""Lo que `etl new` escribe es código: ningún nombre del archivo, ni de sus columnas, puede salirse de su sitio."""

import ast
import fnmatch
import keyword
from pathlib import Path

import pyarrow as pa
from hypothesis import assume, example, given
from hypothesis import strategies as st

from etl.dialect import Dialect
from etl.errors import FileRefused
from etl.extract.source import Source
from extras.undeclared.detection.detect import Detected, Heading
from extras.undeclared.infer import Plan
from extras.undeclared.inspection import ColumnFacts, Inspection
from extras.undeclared.names import class_name, column_names, module_name, table_name
from extras.undeclared.scaffold import declaration
from extras.undeclared.unknown import Found

HOSTILE = 'a"""+str(__import__("os").system("id"))+"""'
# Cualquier carácter, y a menudo los que significan algo en Python; hasta los que no son UTF-8.
TEXTS = st.text(st.one_of(st.characters(), st.sampled_from("\"'\\\n\r\0#{}%*?[]\u2028\u202e\x0c")), min_size=1)
SIGNS = st.characters(exclude_characters="\n\r")


def inspection(stem: str, columns: list[str], dialect: Dialect, warning: str | None = None) -> Inspection:
    names = column_names(columns)
    facts = [
        ColumnFacts(Plan(name, pa.string(), doubt=warning), original, count=1, longest=5)
        for name, original in zip(names, columns, strict=True)
    ]
    heading = Heading(0, 1, tuple(columns), (), (), (), frozenset())
    detected = Detected(**vars(heading), dialect=dialect, line_end="\n", skip_space=False)
    source = Source(Path("archivo.zip"), f"archivo.zip/{stem}.csv", f"{stem}.csv".replace("/", "_"))
    return Inspection(source, Found(tuple(columns), detected=detected), facts)


def parsed(text: str) -> tuple[ast.Module, ast.ClassDef]:
    """El módulo y su única clase; además solo hay un docstring e importaciones."""
    module = ast.parse(text)
    *before, declared = module.body
    assert isinstance(declared, ast.ClassDef)
    assert [type(node) for node in before[:1]] == [ast.Expr]
    assert {type(node) for node in before[1:]} == {ast.ImportFrom}
    return module, declared


def assigned(declared: ast.ClassDef, name: str) -> ast.expr:
    [value] = [
        node.value for node in declared.body if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name
    ]
    return value


@given(TEXTS)
@example(HOSTILE)
@example("a\\x")
@example("a\nb")
@example("class")
@example("\udcf1")
def test_a_file_name_is_always_a_literal(stem: str) -> None:
    seen = inspection(stem, ["id"], Dialect())
    module, declared = parsed(declaration(seen, class_name("tabla")))
    assert str(ast.get_docstring(module, clean=False)).startswith(seen.source.name[:80])
    pattern = ast.literal_eval(assigned(declared, "files"))
    assert fnmatch.fnmatch(Path(seen.source.content).stem.lower(), pattern.lower())
    assert {type(node) for node in ast.walk(declared)}.isdisjoint({ast.BinOp, ast.JoinedStr, ast.Import})


@given(TEXTS)
@example("class")
@example("none")
@example("true")
@example("dataset")
@example("big integer")
@example("ventas")
def test_the_module_and_the_class_have_valid_names_of_their_own(stem: str) -> None:
    table = table_name(stem)
    for name in (module_name(table), class_name(table, ["Ventas", "VentasTabla"])):
        assert name.isidentifier()
        assert not keyword.iskeyword(name)
    assert class_name(table, ["Ventas", "VentasTabla"]) not in {
        *("Ventas", "VentasTabla", "Dataset", "Dialect", "Mapped", "String", "Text", "BigInteger", "Decimal")
    }


@given(st.lists(TEXTS, min_size=1, max_size=5))
@example(["class", "None", "int", "str", "metadata", "registry", "dialect", "files", "line", "date"])
@example([HOSTILE, '"', "\\"])
def test_columns_are_attributes_that_python_admits(columns: list[str]) -> None:
    try:
        seen = inspection("tabla", columns, Dialect())
    except FileRefused:
        assume(False)
    _, declared = parsed(declaration(seen, "Tabla"))
    attributes = [
        node.target.id
        for node in declared.body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    ]
    assert len(set(attributes)) == len(columns)
    assert not {"metadata", "registry", "files", "dialect", "line", "int", "str", "date"} & set(attributes)
    assert not [name for name in attributes if keyword.iskeyword(name)]


@given(SIGNS, SIGNS, st.one_of(st.none(), SIGNS), TEXTS)
@example("\\", '"', "\\", "texto")
@example("\x1f", "\0", None, "x\n    import os")
def test_the_signs_of_a_file_and_the_warnings_are_text(
    delimiter: str, quote: str, escape: str | None, warning: str
) -> None:
    dialect = Dialect(delimiter=delimiter, quote=quote, escape=escape)
    assume(delimiter not in (" ", ","))
    _, declared = parsed(declaration(inspection("tabla", ["id"], dialect, warning), "Tabla"))
    call = assigned(declared, "dialect")
    assert isinstance(call, ast.Call)
    written = {str(item.arg): ast.literal_eval(item.value) for item in call.keywords}
    assert Dialect(**written) == dialect
