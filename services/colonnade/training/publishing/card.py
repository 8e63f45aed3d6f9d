"""A version's card: what was run, what it was made from, how the loss went, and the recipe itself.

The same run has the same card, whenever it is written: a version that is published again after a crash is not
told anything new."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from colonnade.training.domain import Job
from colonnade.training.publishing.curve import Point, thinned
from colonnade.training.publishing.drafts import NEWEST
from colonnade.training.publishing.lineage import code_of, commit_of, dataset_of

_BARS = "▁▂▃▄▅▆▇█"
_WIDTH, _ROWS, _FIGURES = 48, 12, 20
_MOST_RECIPE_BYTES = 100_000
_TOLD_BYTES = 100_000
_CREDENTIALS = re.compile(r"://[^\s/@'\"]+@")
_FENCE = re.compile(r"`{3,}")


def card_of(job: Job, recipe: str, result: Mapping[str, Any], points: Sequence[Point], told: str = "") -> str:
    """Markdown. ``told`` is what the recipe has for it."""
    sections = (
        f"# {job.asked.output.model}",
        job.asked.output.description,
        _short(told, _TOLD_BYTES),
        f"## How it was {NEWEST[job.asked.kind]}\n\n" + "\n".join(_table(("", ""), _facts(job, result))),
        "\n\n".join(_curve(points)),
        "## Recipe\n\n" + _fenced(_short(_CREDENTIALS.sub("://***@", recipe), _MOST_RECIPE_BYTES)),
    )
    return "\n\n".join(filter(None, sections)) + "\n"


def _facts(job: Job, result: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    found = {
        "run": job.id,
        "submitted by": job.by,
        "steps": str(job.step) if job.asked.total_steps else "",
        **_made(result),
        "recipe": str(result.get("recipe_digest") or ""),
        "data": dataset_of(result),
        **{f"`{field}`": f"{version} ({version.digest})" for field, version in job.brought.items()},
        "code": " ".join(filter(None, (code_of(result), commit_of(result)))),
        **{name: f"{value:.6g}" for name, value in sorted(job.metrics.items())[:_FIGURES]},
    }
    return ((name, _cell(value)) for name, value in found.items() if value)


def _made(result: Mapping[str, Any]) -> Mapping[str, str]:
    """What a conversion says of what it made."""
    metrics = result.get("metrics")
    said = metrics.get("conversion") if isinstance(metrics, Mapping) else None
    figures = list(said.items())[:_FIGURES] if isinstance(said, Mapping) else ()
    counts = {str(name): value for name, value in figures if type(value) is int}
    return {name[:_WIDTH].replace("_", " "): f"{value:,}" for name, value in counts.items()}


def _curve(points: Sequence[Point]) -> Iterator[str]:
    for key in dict.fromkeys(point.key for point in points):
        own = [point for point in points if point.key == key]
        rows = ((str(point.step), f"{point.value:.4f}") for point in thinned(own, _ROWS))
        yield f"## {key}\n\n`{_line([point.value for point in thinned(own, _WIDTH)])}`"
        yield "\n".join(_table(("step", key), rows))


def _line(values: Sequence[float]) -> str:
    low, high = min(values), max(values)
    scale = (len(_BARS) - 1) / (high - low) if high > low else 0.0
    return "".join(_BARS[round((value - low) * scale)] for value in values)


def _table(head: tuple[str, str], rows: Iterator[tuple[str, str]] | Sequence[tuple[str, str]]) -> list[str]:
    return [f"| {head[0]} | {head[1]} |", "|---|---|", *(f"| {one} | {other} |" for one, other in rows)]


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _fenced(text: str) -> str:
    """Whatever is in it does not end it."""
    longest = max((len(found) for found in _FENCE.findall(text)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}yaml\n{text.rstrip()}\n{fence}"


def _short(text: str, limit: int) -> str:
    encoded = text.strip().encode()
    return text.strip() if len(encoded) <= limit else encoded[:limit].decode(errors="ignore") + "\n…"
