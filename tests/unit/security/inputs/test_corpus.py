"""Inputs that were used against others. None may pass, and each refusal names its field."""

import json
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from colonnade.errors import HTTP_STATUS, ColonnadeError
from colonnade.security import inputs

DEEP = 100_000


def refuses(check: Callable[..., Any], *arguments: Any, field: str, **options: Any) -> ColonnadeError:
    """The refusal: a 4xx that names ``field`` and shows nothing it should not."""
    with pytest.raises(ColonnadeError) as refused:
        check(*arguments, **options)
    error = refused.value
    assert 400 <= HTTP_STATUS[error.code] < 500
    assert field in error.message
    assert error.details["field"]
    assert "Traceback" not in error.message
    json.dumps(error.details)
    return error


TEXTS: dict[str, list[object]] = {
    "not text": [None, 1, 1.5, True, b"bytes", ["list"], {"a": 1}],
    "empty": [""],
    "NUL": ["a\0b", "\0"],
    "lone surrogate": ["\ud800", "a\udfff", "\ude00\ud83d"],
    "too long": ["x" * 1001, "ä" * 501, "\U0001f600" * 251],
}


@pytest.mark.parametrize(
    ("kind", "value"), [(kind, value) for kind, values in TEXTS.items() for value in values]
)
def test_text(kind: str, value: object) -> None:
    refuses(inputs.check_text, value, "prompt", 1000, field="prompt")


LINES = [
    "a\nb",
    "a\rb",
    "a\r\nSet-Cookie: x",
    "a\x1b[31m",
    "a\x7f",
    "a\x85b",
    "a\u2028b",
    "a\u202eb",
    "\tb",
    "\u2066x",
]


@pytest.mark.parametrize("value", LINES)
def test_one_line(value: str) -> None:
    refuses(inputs.check_text, value, "title", 1000, controls="line", field="title")
    refuses(inputs.subject_name, value, field="user")
    refuses(inputs.check_header_value, value, "header", field="header")
    refuses(inputs.check_argument, value, "source", field="source")
    refuses(inputs.check_file_name, value, field="file name")


NAMES = [
    None, 7, "", " ", "a b", "a\n", "\na", "A", "ä", "a/b", "../a", "a\\b", "a\0", "a'b", 'a"b', "a;b",
    "a$(b)", "a`b`",
    "a|b", "a&b", "a%00", "a%2fb", "a*", "a?", "<a>", "{a}", ".a", "-a", "_a", "\u0430", "a\u200b", "１",
    "a" * 129,
    "'; DROP TABLE models; --", "{{7*7}}", "${jndi:ldap://x}", "a\r\nb: c",
]  # fmt: skip


@pytest.mark.parametrize("value", NAMES, ids=repr)
def test_names(value: object) -> None:
    refuses(inputs.model_name, value, field="name")
    refuses(inputs.alias_name, value, field="alias")
    refuses(inputs.tenant_name, value, field="tenant")
    refuses(inputs.model_reference, value, field="model")
    refuses(inputs.size_label, value, field="model_size")
    refuses(inputs.digest, value, field="digest")


@pytest.mark.parametrize(
    "value", [None, "", "a b", "a\n", "a\r\nX-Evil: 1", "a/b", "{}", "a" * 129, "ä", ".a", "a;b"]
)
def test_ids(value: object) -> None:
    refuses(inputs.request_id, value, field="x-request-id")
    refuses(inputs.idempotency_key, value, field="idempotency-key")


@pytest.mark.parametrize(
    "value",
    [
        "sha256:" + "A" * 64, "sha256:" + "a" * 63, "sha256:" + "a" * 65, "md5:" + "a" * 64, "a" * 64,
        "sha256:../../etc/passwd", "sha256:" + "a" * 64 + "\n",
    ],
)  # fmt: skip
def test_digests(value: str) -> None:
    refuses(inputs.digest, value, field="digest")


@pytest.mark.parametrize(
    "value", ["a@", "a:", "a:0", "a:-1", "a:1.5", "a@b@c", "a@B", "a:1:2", "@b", ":1", "a@1b"]
)
def test_references(value: str) -> None:
    refuses(inputs.model_reference, value, field="model")


@pytest.mark.parametrize("value", [" alice", "alice ", "x" * 257, "\0"])
def test_subjects(value: str) -> None:
    refuses(inputs.subject_name, value, field="user")


FILE_NAMES = [
    "", ".", "..", "...", "a/b", "/etc/passwd", "a\\b", "C:\\x", "C:x", "a\0b", "-rf", ".bashrc", " a",
    "a ", "a.",
    "con", "NUL", "nul.txt", "COM1", "lpt9.json", "a:b", "a|b", "a<b", "a>b", 'a"b', "a*b", "a?b", "a`b",
    "a$b", "a;b",
    "a&b", "a'b", "a!b", "~", "x" * 256, "\ud800",
]  # fmt: skip


@pytest.mark.parametrize("value", FILE_NAMES, ids=repr)
def test_file_names(value: str) -> None:
    refuses(inputs.check_file_name, value, field="file name")
    if value != "a/b":
        refuses(inputs.relative_artefact_path, value, field="path", suffixes=None)


ARTEFACTS = [
    "../model.safetensors", "a/../b.json", "/model.json", "//model.json", "a//b.json", "./a.json",
    "a/./b.json", "a/",
    "a\\b.json", "C:/a.json", "file:///a.json", "a/b/c/d/e/f/g/h/i.json", "ä.json", "x" * 600 + ".json",
    "pytorch_model.bin", "model.pt", "model.pth", "model.pkl", "weights.ckpt", "modeling_x.py", "a.so",
    "a.sh",
    "a.json.pkl", "a", "a.npz", "a.joblib", "a.h5", "tokenizer.json\n", ".json", "a/.json",
]  # fmt: skip


@pytest.mark.parametrize("value", [*ARTEFACTS, None, 3], ids=repr)
def test_artefact_paths(value: object) -> None:
    refuses(inputs.relative_artefact_path, value, field="path")


@pytest.mark.parametrize("value", ["-", "--out=/etc", "-rf", "", "a\0", "x" * 5000])
def test_arguments(value: str) -> None:
    refuses(inputs.check_argument, value, "source", field="source")


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Path]:
    """``open/`` may be read; ``secret/`` beside it may not."""
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "key.json").write_text("{}")
    base = tmp_path / "open"
    (base / "folder").mkdir(parents=True)
    (base / "model.json").write_text("{}")
    (base / "out.json").symlink_to(tmp_path / "secret" / "key.json")
    (base / "out").symlink_to(tmp_path / "secret")
    (base / "up.json").symlink_to("../secret/key.json")
    (base / "loop").symlink_to("loop")
    (base / "dangling.json").symlink_to(tmp_path / "secret" / "none.json")
    os.mkfifo(base / "pipe")
    (tmp_path / "open-twin").mkdir()
    (tmp_path / "open-twin" / "a.json").write_text("{}")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(base / "socket"))
        yield base


PATHS = [
    "", ".", "..", "../secret/key.json", "folder/../../secret/key.json", "folder/../model.json",
    "out.json", "up.json",
    "out/key.json", "loop", "loop/a", "dangling.json", "pipe", "socket", "folder", "missing.json",
    "model.json/a",
    "model.json\0", "\0", "model.json\n", "x" * 256, "a/" * 3000, "/etc/passwd", "/dev/zero",
    "/proc/self/environ",
    "/dev/stdin", "~/x", "\ud800", "file:///etc/passwd", "..\\secret\\key.json", "/", "//etc/passwd",
]  # fmt: skip


@pytest.mark.parametrize("value", PATHS, ids=lambda value: repr(value)[:40])
def test_paths(house: Path, value: str) -> None:
    error = refuses(inputs.confined, value, [house], field="path")
    assert str(house) not in error.message
    assert "secret" not in error.message


@pytest.mark.parametrize("name", ["secret/key.json", "open-twin/a.json", "secret/none.json"])
def test_absolute_paths_beside_the_root(house: Path, name: str) -> None:
    refuses(inputs.confined, house.parent / name, [house], field="path")


def test_outside_the_roots_nobody_learns_what_exists(house: Path) -> None:
    messages = {
        refuses(inputs.confined, house.parent / "secret" / name, [house], field="path").message
        for name in ("key.json", "none.json")
    }
    assert len(messages) == 1


def test_no_root_no_path(house: Path) -> None:
    refuses(inputs.confined, house / "model.json", [], field="path")


@pytest.mark.parametrize(
    "name", ["out.json", "loop", "pipe", "socket", "folder", "missing.json", "model.json/a", "a\0"]
)
def test_files_that_are_not_opened(house: Path, name: str) -> None:
    refuses(inputs.open_regular, house / name, 1000, "file", field="file")
    refuses(inputs.read_json, house / name, field="file")


DOCUMENTS = {
    "not JSON": [b"", b" ", b"{", b"[1,]", b"{'a': 1}", b"nul", b"{} {}", b"// x\n{}",
    b"\x1f\x8b\x08\x00", b"+1", b"01"],
    "not UTF-8": [b'"\xff"', b'"\xc3"', b'"\xed\xa0\x80"', '"a"'.encode("utf-16"), b"\xef\xbb\xbf{}",
    b"\x80"],
    "no number": [b"NaN", b"[Infinity]", b'{"a": -Infinity}', b"1e999", b"-1e999", b"[1e400]"],
    "huge number": [b"1" * 5000, b"1" * 10**6, b"18446744073709551616", b"-9223372036854775809",
    b"0." + b"1" * 5000],
    "duplicate key": [b'{"a": 1, "a": 2}', b'{"b": {"a": 1, "\\u0061": 2}}'],
    "lone surrogate": [b'"\\ud800"', b'{"\\udfff": 1}', b'["\\uDE00\\uD83D"]', b'{"a": ["\\ud83dx"]}'],
    "control character": [b'"a\nb"', b'"a\0b"', b'{"a\tb": 1}'],
    "deep": [
        b"[" * DEEP, b"[" * DEEP + b"]" * DEEP, b'{"a":' * DEEP + b"1" + b"}" * DEEP, b'[{"a":' * DEEP,
        b"[" * 33 + b"]" * 33,
    ],
    "wide": [b"[" + b"1," * 200_000 + b"1]", b"[" + b"[]," * 99_999 + b"[]]"],
    "large": [b'"' + b"x" * (4 * 2**20) + b'"'],
    "unfinished string": [b'"', b'"\\', b'"' + b'\\"' * 10**6, b'["a', b'{"' + b"[" * 1000],
}  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "data"),
    [(kind, data) for kind, many in DOCUMENTS.items() for data in many],
    ids=lambda value: value if isinstance(value, str) else repr(value[:20]),
)
def test_documents(kind: str, data: bytes, tmp_path: Path) -> None:
    refuses(inputs.parse_json, data, field="body")
    (tmp_path / "x.json").write_bytes(data)
    refuses(inputs.read_json, tmp_path / "x.json", inputs.BODY, field="file")


@pytest.mark.parametrize("data", [b"[]", b"1", b'"{}"', b"null", b"true"])
def test_documents_that_must_be_objects(data: bytes) -> None:
    refuses(inputs.parse_object, data, field="body")


def nested(depth: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(depth):
        value = {"a": value}
    return value


class Text(str):
    """Not quite a string: who knows what it does."""


CONFIGS: list[object] = [
    None, [], "{}", 1,
    {"auto_map": {"AutoModel": "modeling_x.X"}}, {"trust_remote_code": True}, {"trust_remote_code": False},
    {"Auto-Map": 1}, {"a": [{"auto_map": 1}]}, {"a": {"b": {"_target_": "os.system"}}},
    {"py/object": "os.system"},
    {"__class__": "x"}, {"__reduce__": ["os.system"]}, {"custom_pipelines": {}}, {"!!python/object": 1},
    {"exec": "x"},
    {" eval ": "1"}, {"entry_point": "x:y"}, {1: "a"}, {b"a": 1}, {"a\0": 1}, {"\ud800": 1}, {"x" * 2000: 1},
    {"a": float("nan")}, {"a": float("inf")}, {"a": [-float("inf")]}, {"a": 10**30}, {"a": object},
    {"a": b"bytes"},
    {"a": {1, 2}}, {"a": Text("x")}, {"a": 1j}, {"a": "x" * 300_000}, {"a": "a\0b"}, {"a": "\ud800"},
    {"a": [0] * 200_000}, nested(40), nested(900), {"a": Path("/etc")}, {"a": print},
]  # fmt: skip


@pytest.mark.parametrize("config", CONFIGS, ids=lambda value: repr(value)[:40])
def test_configs(config: object) -> None:
    refuses(inputs.sanitise_config, config, field="config")


@pytest.mark.parametrize("size", [-1, 1001, 2**63])
def test_sizes(size: int) -> None:
    refuses(inputs.check_size, size, 1000, "upload", field="upload")


def test_counts() -> None:
    refuses(inputs.check_count, 11, 10, "stop", field="stop")


PLACES = {
    b'{"a": {"b": [0, NaN]}}': "a.b[1]",
    b'{"a": 1, "temperature": 1e999}': "temperature",
    b"[[18446744073709551616]]": "[0][0]",
    b'{"a": [{"b": "\\ud800"}]}': "a[0].b",
    b'{"a": {"\\ud800": 1}}': "a",
    b'{"\\ud800": 1}': "body",
    b"-Infinity": "body",
    b'{"a\\n\\u001b[2J": NaN}': "a\\n\\x1b[2J",
    b'{"' + b"x" * 1000 + b'": NaN}': "x" * 64,
    b'{"first": NaN, "second": Infinity}': "first",
}


@pytest.mark.parametrize(("data", "place"), PLACES.items(), ids=repr)
def test_what_is_refused_for_a_value_names_its_place(data: bytes, place: str) -> None:
    error = refuses(inputs.parse_json, data, field="body")
    assert error.details["field"] == place
    assert place in error.message
    assert error.details["limit"]
