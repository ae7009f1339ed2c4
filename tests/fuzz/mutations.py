"""Maneras de estropear un archivo. Cada una recibe el dado y los bytes, y devuelve otros bytes."""

import gzip
import io
import random
import zipfile
import zlib
from collections.abc import Callable

import pyarrow as pa

from fuzz.seeds import Seed

Mutation = Callable[[random.Random, bytes], bytes]

MARKS = [b",", b";", b"\t", b"|", b'"', b"'", b"\\", b"\n", b"\r", b"\r\n", b" "]
ODD = [
    b"\0", b"\r", b"\n", b'"', b"'", b"\\", b",", b";", b"\t", b"\xef\xbb\xbf", b"\xff\xfe", b"\xff", b"\xc3", b"\x1f",
    b"\x1a", b"\x85", "\u2028".encode(), "🎉".encode(), b'""', b'",', b',"', b"\r\n\r\n", b"sep=;\n", b"\\u0000", b"\\ud800",
]  # fmt: skip
# Valores que engañan a quien adivina tipos.
VALUES = [
    b"", b"-0", b"-0.0", b"00", b"007", b"+5", b"1e5", b"1E400", b"0x1F", b"NaN", b"Infinity", b"-", b"N/D", b"..", b".5",
    b"5.", b"1.234", b"1,234", b"1.234,56", b"1,234.56", b"9" * 19, b"9" * 39, b"0." + b"1" * 40, b"31/02/2024",
    b"0000-00-00", b"9999-12-31", b"2024-02-30", b"2024-1-5", b"01/02/03", b"24:00", b"2024-01-05 25:61", b"true", b"[1, 2",
    b"{}", b"NULL", b"=cmd|' /C calc'!A0", b"Total", b"Fuente: x", "١٢".encode(), "²".encode(), b" 5 ", b"1_000",
    "−5".encode(),
]  # fmt: skip
CHARSETS = ["latin-1", "cp1252", "cp850", "utf-16", "utf-16-le", "utf-16-be", "utf-8-sig", "utf-32", "ascii"]


def flip_bits(dice: random.Random, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(dice.choice([1, 1, 3, 20]) if data else 0):
        changed[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
    return bytes(changed)


def truncate(dice: random.Random, data: bytes) -> bytes:
    return data[: dice.randint(0, len(data))]


def cut_out(dice: random.Random, data: bytes) -> bytes:
    start, end = _stretch(dice, data)
    return data[:start] + data[end:]


def repeat_stretch(dice: random.Random, data: bytes) -> bytes:
    start, end = _stretch(dice, data)
    return data[:end] + data[start:end] * dice.choice([1, 1, 2, 50]) + data[end:]


def swap_marks(dice: random.Random, data: bytes) -> bytes:
    old, new = dice.choice(MARKS), dice.choice(MARKS)
    return data.replace(old, new, dice.choice([-1, -1, 1, 5]))


def insert_odd(dice: random.Random, data: bytes) -> bytes:
    for _ in range(dice.choice([1, 1, 3, 10])):
        place = dice.randint(0, len(data))
        data = data[:place] + dice.choice(ODD) + data[place:]
    return data


def insert_values(dice: random.Random, data: bytes) -> bytes:
    """Cambia unos campos por valores que engañan."""
    mark = max((b",", b";", b"\t", b"|"), key=data.count)
    lines = data.split(b"\n")
    for _ in range(dice.choice([1, 5, 50])):
        line = dice.randrange(len(lines))
        fields = lines[line].split(mark)
        fields[dice.randrange(len(fields))] = dice.choice(VALUES)
        lines[line] = mark.join(fields)
    return b"\n".join(lines)


def fill_column(dice: random.Random, data: bytes) -> bytes:
    """La misma columna de todas las filas, con valores que engañan."""
    mark = max((b",", b";", b"\t", b"|"), key=data.count)
    first, *lines = data.split(b"\n")
    place, some = dice.randrange(max(1, first.count(mark) + 1)), dice.sample(VALUES, dice.randint(1, 3))
    for number, line in enumerate(lines):
        fields = line.split(mark)
        if place < len(fields):
            fields[place] = dice.choice(some)
            lines[number] = mark.join(fields)
    return b"\n".join([first, *lines])


def shuffle_lines(dice: random.Random, data: bytes) -> bytes:
    lines = data.split(b"\n")
    dice.shuffle(lines)
    return b"\n".join(lines)


def recode(dice: random.Random, data: bytes) -> bytes:
    """Todo en otra codificación, o solo desde la mitad: dos archivos pegados."""
    charset, text = dice.choice(CHARSETS), data.decode("utf-8", "replace")
    half = dice.choice([0, 0, len(text) // 2])
    return text[:half].encode() + text[half:].encode(charset, "replace")


def lengthen(dice: random.Random, data: bytes) -> bytes:
    """Un campo enorme, o miles de columnas."""
    place = dice.randint(0, len(data))
    return (
        data[:place]
        + dice.choice([b"x" * 70_000, b"x" * 1_100_000, b"," * 3000, b";" * 1700, b'"' * 999])
        + data[place:]
    )


def many_lines(dice: random.Random, data: bytes) -> bytes:
    lines = data.splitlines(keepends=True)
    return data + dice.choice(lines or [b"\n"]) * 3000


def _stretch(dice: random.Random, data: bytes) -> tuple[int, int]:
    start = dice.randint(0, len(data))
    return start, min(len(data), start + dice.choice([1, 10, 100, 1000, 9000]))


COMMON = (
    flip_bits, truncate, cut_out, repeat_stretch, swap_marks, swap_marks, insert_odd, insert_odd, insert_values,
    insert_values, fill_column, shuffle_lines, recode,
)  # fmt: skip
RARE = (lengthen, many_lines)


def inside_zip(dice: random.Random, data: bytes) -> bytes:
    """Estropea uno de los archivos de un .zip (un libro de Excel también lo es) y lo vuelve a cerrar bien."""
    output = io.BytesIO()
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive, zipfile.ZipFile(output, "w") as copy:
            names = archive.namelist()
            chosen = dice.choice(names)
            for name in names:
                content = archive.read(name)
                copy.writestr(name, dice.choice(COMMON)(dice, content) if name == chosen else content)
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, IndexError, NotImplementedError, RuntimeError):
        return data
    return output.getvalue()


def mutated(dice: random.Random, all_seeds: list[Seed]) -> tuple[Seed, str]:
    """Un archivo estropeado y qué se le hizo."""
    seed = dice.choice(all_seeds)
    data, done = seed.data, []
    for _ in range(dice.choice([1, 1, 1, 2, 3])):
        if seed.suffix in (".zip", ".xlsx") and dice.random() < 0.7:
            mutation: Mutation = inside_zip
        else:
            mutation = dice.choice(COMMON if dice.random() < 0.97 else RARE)
        data = mutation(dice, data)
        done.append(mutation.__name__)
    if dice.random() < 0.1:
        data = data[: dice.randint(0, len(data))] + dice.choice(all_seeds).data
        done.append("splice")
    suffix, data = _wrapped(dice, seed.suffix, data)
    return Seed(suffix, data, seed.declared), " ".join([*done, suffix])


def _wrapped(dice: random.Random, suffix: str, data: bytes) -> tuple[str, bytes]:
    """A veces comprimido (y a veces roto después), o con la terminación de otro formato."""
    luck = dice.random()
    if luck < 0.04:
        suffix, data = suffix + ".gz", gzip.compress(data, mtime=0)
    elif luck < 0.08:
        suffix, data = suffix + ".zst", pa.compress(data, "zstd", asbytes=True)
    elif luck < 0.12:
        return dice.choice([".txt", ".tsv", ".json", ".xlsx", ".parquet", ".sqlite", ".zip", ""]), data
    if luck < 0.08 and dice.random() < 0.4:
        data = flip_bits(dice, data)
    return suffix, data
