"""Whole files of a type, and broken copies of them: bytes changed, the end cut off, runs put in."""

from __future__ import annotations

import random
import shutil
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

from samples import DATA, own_samples

_RUNS = (b"\0", b"\xff", b"9", b"[", b"<a>", b'"', b"\\", b"\r\n", b"(", b"{")


def mutants(type_name: str, count: int, seed: int, folder: Path) -> Iterator[tuple[Path, str]]:
    """Write broken files of a type, each into a folder of its own.

    Yields:
        A file or folder, and the password of the whole one. Where there is one, no other has its
        name; else the name is that of the whole one, as the type is told by it too.
    """
    dice = random.Random(f"{type_name} {seed}")
    (folder / "whole").mkdir()
    files = _archives(folder / "whole") if type_name == "archive" else _whole(type_name)
    for number in range(count):
        path, password = files[number % len(files)]
        place = folder / f"{number:06}"
        place.mkdir()
        name = f"{number:06} {path.name}" if password else path.name
        yield _write_mutant(path, place / name, dice), password


def _whole(type_name: str) -> list[tuple[Path, str]]:
    """Return the samples of a type with their passwords."""
    passwords: dict[Path, str] = {}
    for row in own_samples(type_name):
        path, password = DATA / row["file"], row.get("password", "")
        if path not in passwords or "error" not in row:
            passwords[path] = password
    return sorted(passwords.items())


def _archives(folder: Path) -> list[tuple[Path, str]]:
    """Write archives of samples; the project keeps none."""
    rows = [row for name in ("text", "rtf", "email") for row in own_samples(name)]
    files = [DATA / row["file"] for row in rows[::4]]
    with zipfile.ZipFile(folder / "x.zip", "w", zipfile.ZIP_DEFLATED) as package:
        for file in files:
            package.write(file, f"folder/{file.name}")
    with tarfile.open(folder / "x.tar", "w") as tar:
        for file in files:
            tar.add(file, file.name)
    for kind in ("gztar", "bztar", "xztar"):
        shutil.make_archive(str(folder / "y"), kind, DATA / "rtf")
    return [(path, "") for path in sorted(folder.iterdir())]


def _write_mutant(path: Path, target: Path, dice: random.Random) -> Path:
    """Write a broken copy of a file, or of a folder with one broken file; return it."""
    if path.is_dir():
        shutil.copytree(path, target)
        file = dice.choice(sorted(file for file in target.rglob("*") if file.is_file()))
        file.write_bytes(_damaged(file.read_bytes(), dice))
    elif zipfile.is_zipfile(path) and dice.random() < 0.5:
        # Checksums would hide what a reader makes of a broken part.
        with zipfile.ZipFile(path) as package:
            parts = {name: package.read(name) for name in package.namelist()}
        name = dice.choice(sorted(parts))
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as package:
            for part, data in (parts | {name: _damaged(parts[name], dice)}).items():
                package.writestr(part, data)
    else:
        target.write_bytes(_damaged(path.read_bytes(), dice))
    return target


def _damaged(data: bytes, dice: random.Random) -> bytes:
    place = dice.randrange(len(data) + 1)
    match dice.randrange(3):
        case 0:
            return data[:place]
        case 1:
            run = dice.choice(_RUNS) * dice.choice((1, 30, 3000))
            again = data[place : place + dice.randrange(1, 500)] * dice.randrange(1, 4)
            return data[:place] + dice.choice((run, again)) + data[place:]
    broken = bytearray(data)
    for _ in range(dice.choice((1, 5, 50)) if data else 0):
        broken[dice.randrange(len(data))] = dice.randrange(256)
    return bytes(broken)
