"""What ``checkpoint.json`` says, in the form it is written in now and in every form it was ever written in.

A checkpoint outlives the program that wrote it. A format that was once released keeps its reader in
``_READERS`` for ever, and a checkpoint of it in the tests; a new format adds a row, and only the newest is
written.

Format 1::

    {"format": 1, "sha256": "<of all else>", "step": 100, "epoch": 0.5, "facts": {...},
     "files": {"tensors-00001.safetensors": {"bytes": 4096, "sha256": "..."}},
     "tensors": {"model/embedding.weight": "tensors-00001.safetensors"},
     "shared": {"model/head.weight": "model/embedding.weight"}}
"""

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass

from colonnade.errors import InvalidArgument, Unsupported
from colonnade.learn.checkpoints.shard import FileFacts
from colonnade.learn.checkpoints.snapshot import LIMITS, Json
from colonnade.security.inputs import parse_object

DOCUMENT = "checkpoint.json"
FORMAT = 1
"""The one that is written."""

_FILE = re.compile(r"tensors-\d{5}\.safetensors")
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Contents:
    """A checkpoint without its tensors."""

    step: int
    epoch: float
    facts: Mapping[str, Json]
    files: Mapping[str, FileFacts]
    tensors: Mapping[str, str]
    """The file of each, in the order they were given in."""
    shared: Mapping[str, str]
    """Further names of a tensor, each with the name it is stored under."""


def file_name(number: int) -> str:
    return f"tensors-{number:05d}.safetensors"


def encode(contents: Contents) -> bytes:
    """``checkpoint.json`` in the newest format."""
    said = {"format": FORMAT} | asdict(contents)
    return json.dumps({"format": FORMAT, "sha256": _digest(said)} | said, indent=1).encode() + b"\n"


def decode(data: bytes) -> Contents:
    """Any format that this program knows. Raises ``InvalidArgument``, or ``Unsupported`` for a later one."""
    said = parse_object(data, LIMITS, DOCUMENT)
    number = said.get("format")
    if type(number) is not int or number < 1:
        raise InvalidArgument(f"{DOCUMENT} has no format number", field="format")
    if number not in _READERS:
        raise Unsupported(
            f"{DOCUMENT} is of format {number}, and this program reads up to {max(_READERS)}; "
            "a newer colonnade wrote it: use that one",
            field="format",
            limit=max(_READERS),
        )
    return _READERS[number](said)


def _read_1(said: Mapping[str, Json]) -> Contents:
    rest = {name: value for name, value in said.items() if name != "sha256"}
    _check(said.get("sha256") == _digest(rest), "is not what was written: its digest differs")
    step, epoch, facts = rest.get("step"), rest.get("epoch"), rest.get("facts")
    _check(type(step) is int and step >= 0, "has no step")
    _check(type(epoch) in (int, float), "has no epoch")
    _check(isinstance(facts, dict), "has no facts")
    files, tensors, shared = (_table(rest, name) for name in ("files", "tensors", "shared"))
    _check(all(_FILE.fullmatch(name) for name in files), "names a file that is none of a checkpoint's")
    _check(
        all(isinstance(file, str) and file in files for file in tensors.values()), "names no file of a tensor"
    )
    _check(all(isinstance(name, str) and name in tensors for name in shared.values()), "shares no tensor")
    _check(not shared.keys() & tensors.keys(), "has a tensor twice")
    facts_of = {name: _file_facts(value) for name, value in files.items()}
    return Contents(step, float(epoch), facts, facts_of, tensors, shared)  # type: ignore[arg-type]


_READERS: Mapping[int, Callable[[Mapping[str, Json]], Contents]] = {1: _read_1}


def _table(said: Mapping[str, Json], name: str) -> dict[str, Json]:
    value = said.get(name)
    if not isinstance(value, dict):
        raise InvalidArgument(f"{DOCUMENT} has no {name}", field=name)
    return value


def _file_facts(value: Json) -> FileFacts:
    size, digest = (value.get("bytes"), value.get("sha256")) if isinstance(value, dict) else (None, None)
    if type(size) is not int or size < 0 or not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
        raise InvalidArgument(f"{DOCUMENT} has no size and digest of a file", field="files")
    return FileFacts(size, digest)


def _digest(said: Mapping[str, Json]) -> str:
    """Of the values, however they are laid out."""
    text = json.dumps(said, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _check(holds: bool, what: str) -> None:
    if not holds:
        raise InvalidArgument(f"{DOCUMENT} {what}", field=DOCUMENT)
