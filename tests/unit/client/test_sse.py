"""Events out of lines."""

from collections.abc import Sequence
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from colonnade.client.sse import Event, EventParser

line_text = st.text(st.characters(exclude_characters="\r\n", codec="utf-8"), max_size=20)
kinds = st.text(st.characters(exclude_characters="\r\n", codec="ascii"), min_size=1, max_size=8).filter(
    lambda kind: not kind.startswith(" ")
)


def parse(*lines: str, end: str = "\n", cuts: Sequence[int] = ()) -> list[Event]:
    """The events of the lines, whose bytes come in pieces."""
    data, parser = "".join(line + end for line in lines).encode(), EventParser()
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    return [event for start, stop in pairwise(edges) for event in parser.feed(data[start:stop])]


@settings(deadline=None)  # a busy machine is no failure
@given(
    written=st.lists(st.tuples(st.none() | kinds, st.lists(line_text, min_size=1, max_size=3)), max_size=5),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    cuts=st.lists(st.integers(0, 200), max_size=8),
)
def test_what_is_written_is_read_however_it_is_cut(
    written: list[tuple[str | None, list[str]]], end: str, cuts: list[int]
) -> None:
    lines = []
    for kind, data in written:
        lines += [f"event: {kind}"] if kind else []
        lines += [f"data: {line}" for line in data] + [""]
    expected = [Event(kind or "message", "\n".join(data)) for kind, data in written]
    read = parse(*lines, end=end, cuts=cuts)
    # A last CR may be half of a CRLF: its event comes with whatever comes next.
    assert read == (expected[:-1] if end == "\r" and expected else expected)


@settings(deadline=None)  # a busy machine is no failure
@given(st.lists(st.binary(max_size=30), max_size=8))
def test_nothing_breaks_it(pieces: list[bytes]) -> None:
    parser = EventParser()
    for piece in pieces:
        parser.feed(piece)
    assert parser.feed(b"\n\n\ndata: x\n\n")[-1].data.endswith("x")


def test_a_byte_order_mark_is_skipped() -> None:
    assert EventParser().feed(b"\xef\xbb\xbfdata: x\n\n") == [Event("message", "x")]


def test_comments_ids_and_retry_hints_are_nothing() -> None:
    assert parse(": keep-alive", "", "id: 3", "retry: 10", "", "unknown", "") == []


def test_the_space_after_the_colon_is_not_data() -> None:
    assert parse("data:a", "data:  b", "data", "") == [Event("message", "a\n b\n")]


def test_an_event_without_data_is_none_and_leaves_its_name_behind() -> None:
    assert parse("event: error", "", "data: x", "") == [Event("message", "x")]


def test_an_event_cut_off_is_none() -> None:
    assert parse("data: x") == []
