"""What must pass: a guard that refuses everything guards nothing."""

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from colonnade.errors import NotFound, TooLarge
from colonnade.security import inputs


@pytest.mark.parametrize(
    ("check", "values"),
    [
        (inputs.model_name, ["a", "smollm2-135m-instruct", "qwen2.5_7b", "1b", "a" * 128]),
        (inputs.alias_name, ["production", "a", "blue-2"]),
        (inputs.tenant_name, ["local", "team-a", "acme.eu"]),
        (inputs.subject_name, ["alice", "alice@example.com", "Ünal Çelik", "user:7/8", "x" * 256]),
        (inputs.request_id, ["a", "0f8b-1", "A" * 128, "req_1:2.3"]),
        (inputs.digest, ["sha256:" + "0af" * 21 + "1"]),
        (inputs.size_label, ["135M", "7B", "1.5B", "999T"]),
        (inputs.model_reference, ["a", "smollm2@production", "smollm2:3", "a.b:10"]),
        (inputs.check_file_name, ["model.safetensors", "a b.json", "Ärger (1).txt", "a,b=c@d#e%f"]),
        (
            inputs.relative_artefact_path,
            ["model.safetensors", "a/b/c.json", "model-00001-of-00002.safetensors"],
        ),
    ],
)
def test_names(check: Callable[..., str], values: list[str]) -> None:
    for value in values:
        assert check(value) == value


def test_text_may_have_any_character_but_nul() -> None:
    text = "Grüße,\r\n\t\x1b[1m \U0001f600 \u202e"
    assert inputs.check_text(text, "prompt", 100) is text
    assert inputs.check_text("a\tb\r\nc", "description", 100, controls="text") == "a\tb\r\nc"
    assert inputs.check_text("", "system", 10, allow_empty=True) == ""


def test_the_limit_of_text_is_in_bytes() -> None:
    assert inputs.check_text("ä" * 5, "prompt", 10)
    with pytest.raises(TooLarge) as refused:
        inputs.check_text("ä" * 6, "prompt", 10)
    assert refused.value.details == {"field": "prompt", "limit": 10}


def test_paths_inside_the_root(tmp_path: Path) -> None:
    root, other = tmp_path / "root", tmp_path / "other"
    (root / "a").mkdir(parents=True)
    other.mkdir()
    (root / "a" / "file").write_text("x")
    (root / "link").symlink_to("a/file")
    real = (root / "a" / "file").resolve()
    assert inputs.confined("a/file", [root]) == real
    assert inputs.confined(root / "a" / "file", [other, root]) == real
    assert inputs.confined("link", [root]) == real
    assert inputs.confined("a", [root], kind="folder") == root / "a"
    assert inputs.confined(root, [root], kind="either") == root
    with pytest.raises(NotFound, match="source does not exist"):
        inputs.confined("none", [root], field="source")


def test_a_root_may_itself_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "file").write_text("x")
    (tmp_path / "root").symlink_to("real")
    assert inputs.confined("file", [tmp_path / "root"]) == tmp_path / "real" / "file"


def test_files_are_read_whole_up_to_the_limit(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 100)
    assert inputs.read_bounded(tmp_path / "a", 100, "file") == b"x" * 100
    with pytest.raises(TooLarge, match="file has 100 bytes; at most 99"):
        inputs.read_bounded(tmp_path / "a", 99, "file")


def test_json() -> None:
    assert inputs.parse_json(b' {"a": [1, -2.5e3, null, true, "\\ud83d\\ude00 \\u0000"]}\n') == {
        "a": [1, -2500.0, None, True, "\U0001f600 \0"]
    }
    assert inputs.parse_json(b"18446744073709551615") == 2**64 - 1
    assert inputs.parse_json(b'"[[[[ \\" {{{{ ,,,, \\\\"') == '[[[[ " {{{{ ,,,, \\'
    assert inputs.parse_json(b"[" * 32 + b"]" * 32)
    assert inputs.parse_object(b"{}") == {}


def test_a_config_is_copied_and_may_be_narrowed() -> None:
    config = {
        "architectures": ["LlamaForCausalLM"],
        "rope_scaling": {"factor": 8.0, "type": "linear"},
        "mask_value": -3.4e38,
        "_name_or_path": "x",
        "use_cache": True,
        "pad_token_id": None,
    }
    clean = inputs.sanitise_config(config)
    assert clean == config
    assert clean["rope_scaling"] is not config["rope_scaling"]
    assert inputs.sanitise_config(config, keep={"mask_value", "other"}) == {"mask_value": -3.4e38}


def test_a_refusal_names_the_place() -> None:
    with pytest.raises(Exception, match=r"config\.rope\.factors\[1\] must be a number"):
        inputs.sanitise_config({"rope": {"factors": [1.0, float("nan")]}})


def test_a_like_pattern_matches_itself_only() -> None:
    with sqlite3.connect(":memory:") as database:
        query = r"SELECT ? LIKE ? ESCAPE '\'"
        for text in ("100%", "a_b", "a\\b", "\\%", "plain"):
            assert database.execute(query, (text, inputs.escape_like(text))).fetchone() == (1,)
        for text, other in (("a_b", "axb"), ("100%", "100 per cent"), ("\\%", "\\x")):
            assert database.execute(query, (other, inputs.escape_like(text))).fetchone() == (0,)
    database.close()


def test_sizes() -> None:
    assert inputs.check_size(10, 10, "x") == 10
    assert inputs.check_count(10, 10, "x") == 10


def test_only_the_standard_library_is_imported() -> None:
    program = """
import sys
before = set(sys.modules)
import colonnade.security.inputs
new = {name for name in set(sys.modules) - before if name.split(".")[0] not in sys.stdlib_module_names}
ours = ("colonnade.security.inputs", "colonnade.errors")
print(sorted(name for name in new if not name.startswith(ours)))
"""
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert result.stdout.strip() == "['colonnade', 'colonnade.security']"
