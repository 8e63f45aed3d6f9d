"""What is said of a version beside its files: tags, metrics and its signature, alone and beside another's."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence

from colonnade.client import Metric
from colonnade.console.views.formats import short
from colonnade.console.views.versions import Compared

NOTHING = "\u2013"
_PARTS = ("inputs", "outputs", "params")
_MOST_LINES = 200
CONFIG = "config.json"
MAX_CONFIG_BYTES = 1 << 20


def metric_rows(metrics: Iterable[Metric]) -> list[tuple[str, str, str, str]]:
    """Key, value, step and data set."""
    return [
        (each.key, f"{each.value:.6g}", str(each.step), short(each.dataset) or NOTHING) for each in metrics
    ]


def last_values(metrics: Iterable[Metric]) -> dict[str, float]:
    """Of each key, and of each data set, the value of the last step."""
    last: dict[str, Metric] = {}
    for each in metrics:
        name = f"{each.key} on {short(each.dataset)}" if each.dataset else each.key
        if name not in last or each.step >= last[name].step:
            last[name] = each
    return {name: each.value for name, each in sorted(last.items())}


def compare_metrics(one: Iterable[Metric], other: Iterable[Metric]) -> list[Compared]:
    mine, theirs = last_values(one), last_values(other)
    return [Compared(name, _shown(mine, name), _shown(theirs, name)) for name in sorted(mine | theirs)]


def compare_tags(one: Mapping[str, str], other: Mapping[str, str]) -> list[Compared]:
    return [
        Compared(name, one.get(name, NOTHING), other.get(name, NOTHING)) for name in sorted({**one, **other})
    ]


def settings_of(config: bytes) -> dict[str, str]:
    """The leaves of a JSON object by their dotted names; empty for what is none, or too large to be read."""
    try:
        found = json.loads(config) if len(config) <= MAX_CONFIG_BYTES else None
    except (ValueError, RecursionError):
        return {}
    return dict(sorted(_leaves(found, ""))[:_MOST_LINES]) if found and isinstance(found, dict) else {}


def compare_settings(one: bytes, other: bytes) -> list[Compared]:
    """Those that differ: most do not."""
    return [each for each in compare_tags(settings_of(one), settings_of(other)) if each.differs]


def change_of(row: Compared) -> str:
    """How a number has changed, by how much of it: ``+3.2 %``; empty where one is none."""
    try:
        before, after = float(row.one), float(row.other)
    except ValueError:
        return ""
    return f"{(after - before) / abs(before) * 100:+.3g} %" if before and after != before else ""


def signature_rows(signature: Mapping[str, object]) -> list[tuple[str, str, str]]:
    """Part, name and type."""
    rows = [_signed(part, each) for part in _PARTS for each in _listed(signature.get(part))]
    return rows[:_MOST_LINES]


def _leaves(value: object, name: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict) and value:
        for key, each in value.items():
            yield from _leaves(each, f"{name}.{key}" if name else str(key))
    else:
        yield name, json.dumps(value, ensure_ascii=False)


def _listed(part: object) -> Sequence[object]:
    return part if isinstance(part, list) else ()


def _signed(part: str, each: object) -> tuple[str, str, str]:
    if not isinstance(each, dict):
        return (part, str(each), "")
    known = {"name", "type", "dtype"}
    rest = {name: value for name, value in each.items() if name not in known}
    told = str(each.get("type", each.get("dtype", "")))
    more = json.dumps(rest, ensure_ascii=False, default=str) if rest else ""
    return (part, str(each.get("name", "")) or NOTHING, " ".join(filter(None, (told, more))))


def _shown(values: Mapping[str, float], name: str) -> str:
    return f"{values[name]:.6g}" if name in values else NOTHING
