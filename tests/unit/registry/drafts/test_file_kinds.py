import json
import pickle
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from colonnade.errors import ColonnadeError, Unsupported
from colonnade.registry.adapters.file_kinds import check_kind_of
from tests.unit.registry.drafts.files import safetensors


def check(folder: Path, name: str, content: bytes) -> None:
    path = folder / "content"
    path.write_bytes(content)
    check_kind_of(path, name)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("model.safetensors", safetensors()),
        ("config.json", b'{"a": 1}'),
        ("README.md", "# Ünïcode\n".encode()),
        ("chat.jinja", b"{{ x }}"),
        ("merges.txt", b"a b\n"),
        ("poet.GGUF", b"GGUF\3\0\0\0"),
        ("tokenizer.model", b"\n\x0e\n\x05<unk>"),
    ],
)
def test_what_a_model_is_made_of_passes(tmp_path: Path, name: str, content: bytes) -> None:
    check(tmp_path, name, content)


def shortened(header: dict[str, object]) -> bytes:
    raw = json.dumps(header).encode()
    return len(raw).to_bytes(8, "little") + raw + b"\0" * 8


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("model.safetensors", pickle.dumps({"w": 1})),
        ("model.safetensors", b""),
        ("model.safetensors", safetensors()[:-1]),
        ("model.safetensors", safetensors() + b"x"),
        ("model.safetensors", (2**63).to_bytes(8, "little") + b"{}"),
        ("model.safetensors", shortened({"w": {"data_offsets": [8, 0]}})),
        ("model.safetensors", shortened({"w": {"data_offsets": [-8, 8]}})),
        ("model.safetensors", shortened({"w": {"data_offsets": [0, True]}})),
        ("model.safetensors", shortened({"w": 3})),
        ("model.gguf", b"PK\x03\x04rest"),
        ("config.json", b"{"),
        ("config.json", b"[" * 100 + b"]" * 100),
        ("merges.txt", b"\xff\xfe"),
    ],
)
def test_what_is_not_what_its_name_says_does_not(tmp_path: Path, name: str, content: bytes) -> None:
    with pytest.raises(ColonnadeError):
        check(tmp_path, name, content)


@pytest.mark.parametrize("name", ["config.json", "merges.txt", "README.md", "tokenizer.model", "chat.jinja"])
@pytest.mark.parametrize(
    "content",
    [*(pickle.dumps([1], protocol) for protocol in (2, 3, 4, 5)), b"PK\x03\x04", b"\x7fELF", b"#!/bin/sh\n"],
    ids=["pickle2", "pickle3", "pickle4", "pickle5", "zip", "elf", "script"],
)
def test_code_is_refused_under_every_name(tmp_path: Path, name: str, content: bytes) -> None:
    with pytest.raises(Unsupported):
        check(tmp_path, name, content)


@given(content=st.binary(max_size=200))
def test_any_bytes_are_taken_or_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    folder = tmp_path_factory.getbasetemp()
    for name in ("x.safetensors", "x.json", "x.gguf", "x.txt"):
        try:
            check(folder, name, content)
        except ColonnadeError as refused:
            assert refused.message  # noqa: PT017 - either is right; anything else raised is not
