"""The recipe as a worker gets it: with folders in place of the registry's models, and with what it may read.

It is changed as a tree of YAML nodes, so that every value stays written as it was; the comments are gone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from colonnade.training.recipe_outputs import OWN

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_DUMPER: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
_WIDTH = 1 << 20


@dataclass(frozen=True, slots=True)
class Reads:
    """What recipes may name."""

    folders: Sequence[Path] = ()
    urls: Sequence[str] = ()
    """Beginnings of URLs."""
    never: Sequence[Path] = ()
    """Folders that are not read although they lie in one of those."""


def for_worker(text: str, brought: Mapping[str, Path], reads: Reads) -> str:
    """``brought`` has the folder of each field, as in ``model.from``. ``read_head`` looked at ``text``."""
    root = yaml.compose(text, _LOADER)
    assert isinstance(root, yaml.MappingNode), "read_head refuses others"
    for field, folder in brought.items():
        _set(root, field.split("."), str(folder))
    folders = [*map(str, reads.folders), *map(str, brought.values())]
    said = {"folders": folders, "urls": [*reads.urls], "never": [*map(str, reads.never)]}
    own = yaml.compose(yaml.dump({OWN: said}, Dumper=_DUMPER, width=_WIDTH), _LOADER)
    assert isinstance(own, yaml.MappingNode)
    root.value += own.value
    return str(yaml.serialize(root, Dumper=_DUMPER, width=_WIDTH, allow_unicode=True))


def _set(node: yaml.MappingNode, path: Sequence[str], value: str) -> None:
    """Every one of that name: of a key that stands twice, readers take the last."""
    for at, (key, found) in enumerate(node.value):
        if key.value != path[0]:
            continue
        if len(path) == 1:
            node.value[at] = (key, yaml.ScalarNode("tag:yaml.org,2002:str", value, style='"'))
        elif isinstance(found, yaml.MappingNode):
            _set(found, path[1:], value)
