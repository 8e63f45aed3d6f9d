"""Policies of screening in files: read, and what is wrong with one told by its line."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from colonnade.errors import InvalidArgument
from colonnade.security.inputs import decoded, read_bounded

_MOST_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class PolicyFile:
    path: Path
    name: str
    text: str
    root: Any
    """Of its YAML's nodes, which know their lines."""


def read_policy(path: Path) -> PolicyFile:
    """Raises ``InvalidArgument`` naming file and line for what is no YAML, or has no name."""
    import yaml

    text = decoded(read_bounded(path, _MOST_BYTES, "policy"), "policy")
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise _wrong(path, mark.line if mark else 0, f"this is not YAML: {error.problem}") from None
    except (yaml.YAMLError, RecursionError):
        raise _wrong(path, 0, "this is not YAML") from None
    _, name = _step(root, "name")
    if not isinstance(name, yaml.ScalarNode) or not name.value:
        raise _wrong(path, 0, "name is missing: write what the policy is called, as in name: support", "name")
    return PolicyFile(path, name.value, text, root)


@contextmanager
def told_by_line(file: PolicyFile) -> Iterator[None]:
    """What the platform says of a field of the file names its line too."""
    try:
        yield
    except InvalidArgument as error:
        field = str(error.details.get("field", ""))
        found = _line(file.root, field) if field else None
        if found is None:
            raise
        raise _wrong(file.path, found, error.message, field) from None


def _wrong(path: Path, line: int, message: str, field: str = "policy") -> InvalidArgument:
    return InvalidArgument(f"{path.name}, line {line + 1}: {message}", field=field)


def _line(root: Any, field: str) -> int | None:
    """From 0: of the deepest part of ``field`` that is there; None where not even the first is."""
    node, line = root, None
    for part in field.split("."):
        at, node = _step(node, part)
        if at is None:
            break
        line = at
    return line


def _step(node: Any, part: str) -> tuple[int | None, Any]:
    """The line where a field, or an item of a list, begins, and what it is."""
    import yaml

    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value == part:
                return key.start_mark.line, value
    if isinstance(node, yaml.SequenceNode) and part.isdecimal() and int(part) < len(node.value):
        item = node.value[int(part)]
        return item.start_mark.line, item
    return None, None
