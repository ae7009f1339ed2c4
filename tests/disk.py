"""Un disco pequeño de verdad, para llenarlo. Solo root puede montarlo."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from extras.embedded.account import Account


@contextmanager
def small_disk(folder: Path, size: int, owner: Account | None = None) -> Iterator[Path]:
    """Un disco de `size` bytes en memoria."""
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("solo root puede montar un disco pequeño")
    folder.mkdir()
    options = f"size={size}" + (f",uid={owner.uid},gid={owner.gid},mode=700" if owner else "")
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def remount(disk: Path, options: str) -> None:
    """Cambia el disco montado: `size=…` o `ro`."""
    subprocess.run(["mount", "-o", f"remount,{options}", str(disk)], check=True)
