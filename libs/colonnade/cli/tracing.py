"""A lineage as a tree, and in a sentence."""

from collections import Counter, defaultdict, deque
from typing import TYPE_CHECKING

from colonnade.cli.terminal import printable

if TYPE_CHECKING:
    from rich.tree import Tree

    from colonnade.client import Lineage, LineageNode

_PLURALS = {"policy": "policies"}
_SHOWN = 19
"""Of an id: sha256: and twelve digits."""


def trees(found: "Lineage", *, downstream: bool) -> "list[Tree]":
    """One for each node that was asked about. What comes again is not unfolded again."""
    from rich.text import Text
    from rich.tree import Tree

    nodes = {node.key: node for node in found.nodes}
    further = defaultdict[str, list[tuple[str, str]]](list)
    for edge in found.edges:
        here, there = (edge.target, edge.source) if downstream else (edge.source, edge.target)
        further[here].append((edge.relation, there))
    grown = [Tree(Text(told(nodes[root]))) for root in found.roots]
    seen = set(found.roots)
    growing = deque(zip(found.roots, grown, strict=True))
    while growing:
        key, tree = growing.popleft()
        for relation, there in further[key]:
            again = there in seen and bool(further[there])
            text = f"{relation}: {told(nodes[there])}{'  (unfolded elsewhere)' if again else ''}"
            branch = tree.add(Text(text))
            if there not in seen:
                seen.add(there)
                growing.append((there, branch))
    return grown


def told(node: "LineageNode") -> str:
    """``smollm2:3  production``, ``wikitext-2 (dataset sha256:5f3b9c10d2a4)``"""
    name = node.label or node.id[:_SHOWN]
    if node.kind == "version":
        text = "  ".join([name, *sorted({alias for place in node.versions for alias in place.aliases})])
    else:
        outcome = f", {node.facts['outcome']}" if "outcome" in node.facts else ""
        text = f"{name} ({node.kind} {node.id[:_SHOWN]}{outcome})" if node.label else f"{node.kind} {name}"
    return printable(f"{text}  deleted" if node.facts.get("deleted") else text)


def summary(found: "Lineage", *, downstream: bool) -> str:
    """``4 versions of 2 models; 1 is in production.``; upstream, what there is of which kind."""
    others = [node for node in found.nodes if node.key not in found.roots]
    more = " There is more than is shown." if found.truncated else ""
    if not others:
        return ("Nothing is known to have come from it." if downstream else "Nothing is known of it.") + more
    if not downstream:
        kinds = Counter(node.kind for node in others)
        return ", ".join(_counted(number, kind) for kind, number in kinds.items()) + "." + more
    places = [place for node in others for place in node.versions]
    models = len({place.model for place in places})
    live = sum("production" in place.aliases for place in places)
    deleted = sum(bool(node.facts.get("deleted")) for node in others)
    text = f"{_counted(len(places), 'version')} of {_counted(models, 'model')}; "
    text += f"{live or 'none'} {'is' if live <= 1 else 'are'} in production"
    return text + (f"; {deleted} deleted" if deleted else "") + "." + more


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {_PLURALS.get(what, what + 's')}"
