"""A version's card as people read it: what its author wrote, and after it the facts that the platform has."""

from collections.abc import Iterable, Sequence

from colonnade.gateway.domain.catalogue import Metric, VersionRecord
from colonnade.gateway.domain.lineage import Evaluation

_FILES_SHOWN = 50
_METRICS_SHOWN = 200
_SPECIAL = str.maketrans({each: f"\\{each}" for each in "\\`*_{}[]<>()#|!~"})


def full_card(record: VersionRecord, evaluations: Sequence[Evaluation] = ()) -> str:
    """Markdown. What the platform adds stands under one heading of its own, with nothing of it as markup."""
    version = record.version
    facts = [
        ("Family", version.family),
        ("Parameters", f"{version.parameters:,}"),
        ("Size", version.size_label),
        ("Context", f"{version.context_length:,} tokens"),
        ("Digest", version.digest),
        ("Base", version.base),
        ("Owner", record.tenant),
        ("Aliases", ", ".join(record.aliases)),
        (
            "Made",
            f"{version.created_at:%Y-%m-%d %H:%M} UTC by {version.created_by}" if version.created_at else "",
        ),
        ("Files", f"{len(version.artefacts)}, {version.size_bytes:,} bytes"),
    ]
    parts = [
        record.card.rstrip() or f"# {_plain(version.name)} {version.version}",
        _plain(record.description) if record.description else "",
        "## What the platform knows of it",
        _table(("fact", "value"), [fact for fact in facts if fact[1]]),
        *_section("### Metrics", ("metric", "value", "step", "data set"), _metrics(record.metrics)),
        *_section("### Evaluations", ("suite", "result", "value", "outcome"), _results(evaluations)),
        *_section(
            "### Files",
            ("path", "bytes", "digest"),
            [(each.path, f"{each.size_bytes:,}", each.digest) for each in version.artefacts[:_FILES_SHOWN]],
        ),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _metrics(metrics: Sequence[Metric]) -> Sequence[Sequence[str]]:
    """The last value of each key."""
    last = {each.key: each for each in sorted(metrics, key=lambda each: each.step)}
    return [
        (key, f"{last[key].value:g}", str(last[key].step), last[key].dataset)
        for key in sorted(last)[:_METRICS_SHOWN]
    ]


def _results(evaluations: Iterable[Evaluation]) -> Sequence[Sequence[str]]:
    return [
        (each.suite, name, f"{value:g}", each.outcome)
        for each in evaluations
        for name, value in sorted(each.results.items())
    ][:_METRICS_SHOWN]


def _section(heading: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [heading, _table(columns, rows)] if rows else []


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *([_plain(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _plain(text: str) -> str:
    return " ".join(text.translate(_SPECIAL).split())
