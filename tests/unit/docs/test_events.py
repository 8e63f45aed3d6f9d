"""docs/events.md against the code: the kinds that are told, and no other."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[3]
TABLE = re.compile(r"^\| `([a-z]+\.[a-z_]+)` \|", re.MULTILINE)


def told() -> Iterator[str]:
    """``noun.verb``, or ``noun.`` where the verb is only known when it happens."""
    for path in (ROOT / "services" / "colonnade" / "registry").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and _name(node.func) == "tell":
                for argument in node.args:
                    yield from _kinds(argument)


def _name(called: ast.expr) -> str:
    return called.id if isinstance(called, ast.Name) else getattr(called, "attr", "")


def _kinds(argument: ast.expr) -> Iterator[str]:
    if isinstance(argument, ast.IfExp):
        yield from (*_kinds(argument.body), *_kinds(argument.orelse))
    first = argument.values[0] if isinstance(argument, ast.JoinedStr) else argument
    text = first.value if isinstance(first, ast.Constant) else None
    if isinstance(text, str) and (found := re.match(r"[a-z]+\.[a-z_]*", text)):
        yield found[0]


def test_every_kind_that_is_told_is_documented_and_no_other() -> None:
    documented = set(TABLE.findall((ROOT / "docs" / "events.md").read_text()))
    found = set(told())
    exact, nouns = {kind for kind in found if not kind.endswith(".")}, {k for k in found if k.endswith(".")}
    assert {"alias.moved", "version.registered", "rollout."} <= found
    assert exact <= documented
    assert nouns <= {f"{kind.partition('.')[0]}." for kind in documented}
    assert all(f"{kind.partition('.')[0]}." in nouns for kind in documented - exact)
