"""Calls are taken out of a text the same way however it arrives in pieces."""

import json
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from colonnade.gateway.service.calls import CallReader

ODD = ["", "Rome", '"}]</tool_call>', "a\\", "<tool_call>", "{[\n", "é\ud7ff😀", '\\"']
texts = st.sampled_from(["", "Let me see.", "a < b", "<tool", "x\n\n y", " <<tool_call"])
arguments = st.dictionaries(
    st.sampled_from(ODD), st.sampled_from(ODD) | st.lists(st.sampled_from(ODD)), max_size=3
)


def written(name: str, given: object) -> str:
    return f'<tool_call>\n{{"name": {json.dumps(name)}, "arguments": {json.dumps(given)}}}\n</tool_call>'


def read(pieces: list[str]) -> tuple[str, list[tuple[str, str, str]]]:
    """The text, and the calls as (id, name, arguments)."""
    numbers = count()
    reader = CallReader(new_id=lambda: f"c{next(numbers)}")
    shown, calls = "", list[tuple[str, str, str]]()
    for piece in pieces:
        text, parts = reader.push(piece)
        shown += text
        for part in parts:
            if part.id:
                calls.append((part.id, part.name, ""))
            identity, name, before = calls[part.call]
            calls[part.call] = (identity, name, before + part.arguments)
    return shown + reader.finish(), calls


@given(st.data(), texts, st.lists(arguments, max_size=3))
def test_however_it_is_cut(data: st.DataObject, before: str, given_: list[dict[str, object]]) -> None:
    calls = [written(f"f{at}", each) for at, each in enumerate(given_)]
    whole = "\n".join([before, *calls]) if before else "\n".join(calls)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=8)))
    pieces = [whole[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    shown, found = read(pieces)
    assert shown == (before.rstrip() if calls else whole)
    assert [(name, json.loads(text)) for _, name, text in found] == [
        (f"f{at}", each) for at, each in enumerate(given_)
    ]
    assert [identity for identity, _, _ in found] == [f"c{at}" for at in range(len(calls))]
    assert read([whole]) == read(list(whole)) == (shown, found)


@pytest.mark.parametrize(
    ("text", "shown", "calls"),
    [
        ("<tool_call>", "", []),
        ('<tool_call>\n{"name": "f", ', "", []),
        ('<tool_call>\n{"name": "f", "arguments": {"a', "", [("c0", "f", '{"a')]),
        ('<tool_call>\n{"name": "f", "arguments": {}', "", [("c0", "f", "{}")]),
        ("so <tool_call", "so <tool_call", []),
        (" \n", " \n", []),
        (f"{written('f', {})}\n", "", [("c0", "f", "{}")]),
    ],
    ids=["tag", "head", "arguments", "tail", "no tag", "white space", "line break"],
)
def test_what_is_cut_off(text: str, shown: str, calls: list[tuple[str, str, str]]) -> None:
    assert read(list(text)) == (shown, calls)


def test_text_goes_on_at_once() -> None:
    reader = CallReader()
    assert reader.push("Let me") == ("Let me", [])
    assert reader.push(" see <too") == (" see", [])
    assert reader.push("k") == (" <took", [])


def test_ids_are_unlike() -> None:
    readers = [CallReader(), CallReader()]
    ids = {reader.push(written("f", {}))[1][0].id for reader in readers}
    assert len(ids) == 2
    assert all(each.startswith("call_") for each in ids)
