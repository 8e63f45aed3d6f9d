"""What came from what, as the dots of a graph, and what was measured, as lines of a table."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from colonnade.client import Evaluation, LineageNode
from colonnade.console.views.formats import moment, short
from colonnade.console.views.links import rollout_link, version_link

_MOST_FACTS = 6
_KINDS = {"dataset": "data set", "commit": "code", "policy": "guard policy"}


@dataclass(frozen=True, slots=True)
class Dot:
    """Something in a graph. ``link``: where it has a page; ``here``: it is what was asked about."""

    key: str
    kind: str
    label: str
    link: str = ""
    more: str = ""
    here: bool = False


def dots_of(nodes: Iterable[LineageNode], roots: Collection[str]) -> list[Dot]:
    return [
        Dot(
            node.key,
            _KINDS.get(node.kind, node.kind),
            _label(node),
            _link(node),
            _more(node),
            node.key in roots,
        )
        for node in nodes
    ]


def evaluation_rows(evaluations: Iterable[Evaluation]) -> list[tuple[str, str, str, str, str, str]]:
    """Suite, results, outcome, what for, by whom and when."""
    return [
        (
            each.suite,
            ", ".join(f"{name} {value:.6g}" for name, value in sorted(each.results.items())),
            each.outcome or "measured",
            each.origin,
            each.by,
            moment(each.at),
        )
        for each in evaluations
    ]


def _label(node: LineageNode) -> str:
    if node.versions:
        return f"{node.versions[0].model}:{node.versions[0].version}"
    return node.label or (short(node.id) if node.id.startswith("sha256:") else node.id)


def _link(node: LineageNode) -> str:
    if node.versions:
        return version_link(node.versions[0].model, node.versions[0].version)
    return rollout_link(node.id) if node.kind == "rollout" else ""


def _more(node: LineageNode) -> str:
    """Where its content is registered now, then what is said of it."""
    places = [
        f"{place.model}:{place.version}" + (f" ({', '.join(place.aliases)})" if place.aliases else "")
        for place in node.versions
    ]
    gone = ["deleted"] if node.kind == "version" and not places else []
    facts = [f"{name} {value}" for name, value in sorted(node.facts.items())]
    return "; ".join([*places, *gone, *facts[:_MOST_FACTS]])
