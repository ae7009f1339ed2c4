"""Los archivos que se miden: lineitem de TPC-H, limpio y con un 1 % de errores y otro de repetidas."""

import random
import subprocess
import sys
from pathlib import Path

BAD, REPEATED = 0.01, 0.01
SEED = 2026


def lineitem(folder: Path, scale: float) -> Path:
    """`lineitem` a una escala (1 son 6 millones de filas y 766 MB); se genera una vez."""
    output = folder / f"escala_{scale:g}"
    file = output / "lineitem.csv"
    if not file.exists():
        program = Path(sys.executable).with_name("tpchgen-cli")
        subprocess.run(
            [program, "csv", "-s", f"{scale:g}", "--tables", "lineitem", f"--output-dir={output}"],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
    return file


def dirty(clean: Path) -> Path:
    """El mismo archivo con un 1 % de filas malas, de cinco clases, y un 1 % repetidas más adelante."""
    file = clean.with_name("lineitem_sucio.csv")
    if file.exists():
        return file
    dice = random.Random(SEED)
    spoil = [_no_number, _no_date, _field_missing, _unknown_flag, _stray_quote]
    seen: list[str] = []
    with clean.open(encoding="utf-8") as lines, file.open("w", encoding="utf-8") as output:
        output.write(next(lines))
        for line in lines:
            luck = dice.random()
            output.write(dice.choice(spoil)(line) if luck < BAD else line)
            if luck > 1 - REPEATED:
                if seen:
                    output.write(dice.choice(seen))
                # Solo se repiten filas buenas, de cualquier parte anterior del archivo.
                seen.append(line)
    return file


def _no_number(line: str) -> str:
    return _replaced(line, 4, "doce")


def _no_date(line: str) -> str:
    return _replaced(line, 10, "1996-02-31")


def _field_missing(line: str) -> str:
    return line.split(",", 1)[1]


def _unknown_flag(line: str) -> str:
    return _replaced(line, 8, "X")


def _stray_quote(line: str) -> str:
    return _replaced(line, 14, 'TR"UCK')


def _replaced(line: str, position: int, value: str) -> str:
    fields = line.split(",", 15)
    fields[position] = value
    return ",".join(fields)
