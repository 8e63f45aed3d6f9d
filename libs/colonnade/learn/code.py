"""Which code a run is made with: its release and, in a checkout, its commit."""

import re
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_HASH = re.compile(r"[0-9a-f]{40,64}")


def code_facts() -> Mapping[str, str]:
    """What is known of ``version`` and ``commit``."""
    facts = {"version": _release(), "commit": commit_of(Path(__file__).resolve().parents[3])}
    return {name: value for name, value in facts.items() if value}


def commit_of(checkout: Path) -> str:
    """What its HEAD is at; empty where that is no checkout."""
    git = checkout / ".git"
    try:
        if git.is_file():  # of a second work tree
            git = checkout / git.read_text().partition("gitdir: ")[2].strip()
        head = (git / "HEAD").read_text().strip()
        name = head.removeprefix("ref: ")
        found = head if name == head else _of_reference(git, name)
    except (OSError, UnicodeDecodeError):
        return ""
    return found if _HASH.fullmatch(found) else ""


def _of_reference(git: Path, name: str) -> str:
    common = git / "commondir"
    shared = git / common.read_text().strip() if common.exists() else git
    for folder in (git, shared):
        if (folder / name).exists():
            return (folder / name).read_text().strip()
    for line in (shared / "packed-refs").read_text().splitlines():
        if line.endswith(f" {name}"):
            return line.split(" ")[0]
    return ""


def _release() -> str:
    try:
        return version("colonnade")
    except PackageNotFoundError:
        return ""
