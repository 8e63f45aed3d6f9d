"""What holds for any input: what passes is within the rules, and nothing but a refusal is ever raised."""

import json
import math
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from colonnade.errors import ColonnadeError
from colonnade.security import inputs

ANY_TEXT = st.text(st.characters(), max_size=60)
NASTY = st.text(st.sampled_from(list("ab./\\-_~:@\0\n\r\t% \ud800\u202eäA1")), max_size=20)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=15,
)


@given(ANY_TEXT | NASTY, st.integers(1, 80))
def test_text_that_passes_is_what_it_says(value: str, limit: int) -> None:
    try:
        passed = inputs.check_text(value, "prompt", limit)
    except ColonnadeError:
        return
    assert passed is value
    assert 0 < len(value.encode()) <= limit
    assert "\0" not in value


@given(ANY_TEXT)
def test_ordinary_text_passes(value: str) -> None:
    ordinary = value.replace("\0", "").encode(errors="ignore").decode()
    assert inputs.check_text(ordinary, "prompt", 1000, allow_empty=True) == ordinary


@given(NASTY | ANY_TEXT)
def test_a_line_that_passes_stays_one_line(value: str) -> None:
    try:
        inputs.check_text(value, "title", 1000, controls="line")
    except ColonnadeError:
        return
    assert value.splitlines() == [value]


@given(NASTY | ANY_TEXT)
def test_a_file_name_that_passes_is_one_component(value: str) -> None:
    try:
        inputs.check_file_name(value)
    except ColonnadeError:
        return
    assert os.path.split(value) == ("", value)
    assert Path("/root", value).parent == Path("/root")
    assert not value.startswith((".", "-"))


@given(NASTY | st.from_regex(r"[a-z./]{1,20}\.json", fullmatch=True))
@example("a/b.json")
def test_an_artefact_path_that_passes_stays_inside(value: str) -> None:
    try:
        inputs.relative_artefact_path(value)
    except ColonnadeError:
        return
    assert os.path.normpath(f"/root/{value}") == f"/root/{value}"


@given(
    parts=st.lists(
        st.sampled_from(["..", ".", "a", "in", "out", "loop", "file", "", "~", "secret"]), max_size=6
    )
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
def test_no_path_leaves_its_root(tmp_path: Path, parts: list[str]) -> None:
    root = tmp_path / "root"
    if not root.exists():
        (root / "a").mkdir(parents=True)
        (tmp_path / "secret").mkdir()
        for folder in (root, root / "a", tmp_path / "secret"):
            (folder / "file").write_text("x")
        (root / "in").symlink_to("a")
        (root / "out").symlink_to(tmp_path / "secret")
        (root / "a" / "loop").symlink_to(root)
    try:
        found = inputs.confined("/".join(parts), [root], kind="either")
    except ColonnadeError:
        return
    assert found.is_relative_to(root)
    assert not found.is_symlink()
    assert found == found.resolve()


@given(JSON)
def test_json_comes_back_as_it_was(value: Any) -> None:
    try:
        data = json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return
    parsed = inputs.parse_json(data)
    assert parsed == value
    assert inputs.parse_json(json.dumps(value).encode()) == value


@given(
    st.binary(max_size=60)
    | st.text(st.sampled_from(list('[]{}",:\\u0d1e.-NaInfty \n')), max_size=60).map(str.encode)
)
def test_parsing_agrees_with_the_standard_library_or_refuses(data: bytes) -> None:
    try:
        value = inputs.parse_json(data)
    except ColonnadeError:
        return
    assert value == json.loads(data)


@given(JSON)
def test_the_guard_counts_depth_as_it_is(value: Any) -> None:
    def depth(item: Any) -> int:
        if isinstance(item, dict):
            return 1 + max(map(depth, item.values()), default=0)
        return 1 + max(map(depth, item), default=0) if isinstance(item, list) else 0

    data = json.dumps(value).encode()
    deep = depth(value)
    inputs.guard_json(data, inputs.JsonLimits(max_depth=deep))
    if deep:
        with pytest.raises(ColonnadeError, match="deep"):
            inputs.guard_json(data, inputs.JsonLimits(max_depth=deep - 1))


@given(st.dictionaries(st.text(), JSON, max_size=4))
def test_a_config_that_passes_is_plain_and_its_own(config: dict[str, Any]) -> None:
    try:
        clean = inputs.sanitise_config(config)
    except ColonnadeError:
        return
    assert clean == config
    assert clean is not config
    assert all(math.isfinite(value) for value in clean.values() if isinstance(value, float))
    json.dumps(clean, allow_nan=False).encode()


@given(ANY_TEXT | NASTY)
def test_an_escaped_log_value_is_one_printable_line_and_can_be_read_back(value: str) -> None:
    escaped = inputs.escape_log(value)
    assert escaped.splitlines() in ([], [escaped])
    assert "\x1b" not in escaped
    if value.isascii():
        assert escaped.encode().decode("unicode_escape") == value
    escaped.encode()
