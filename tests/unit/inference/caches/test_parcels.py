"""A kept answer says what the first one said."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from colonnade.api.generation.v1 import generation_pb2 as wire
from colonnade.inference.adapters.parcels import WireParcels
from colonnade.inference.domain import Chunk, Spent

PARCELS = WireParcels()


def token(number: int) -> wire.Token:
    rival = wire.TokenLogprob(id=number + 1, text="b", logprob=-2)
    return wire.Token(id=number, text="a", logprob=-0.5, top=[rival])


def chunk(index: int, text: str, tokens: int) -> Chunk:
    parcel = wire.Chunk(text=text, index=index, tokens=[token(number) for number in range(tokens)])
    return Chunk(parcel, text=text, index=index)


def end(index: int, reason: "wire.FinishReason.ValueType" = wire.FINISH_REASON_STOP) -> Chunk:
    finish = wire.Finish(
        reason=reason,
        usage=wire.Usage(prompt_tokens=2, completion_tokens=9, cached_prompt_tokens=1),
        timings=wire.Timings(queue_seconds=1),
        seed=7,
        stop="x",
        speculation=wire.Speculation(proposed=3),
    )
    return Chunk(wire.Chunk(finish=finish, index=index), last=True, index=index)


steps = st.lists(st.tuples(st.integers(0, 2), st.text(max_size=4), st.integers(0, 5)), max_size=60)


@given(steps)
def test_each_answer_is_as_it_was(steps: list[tuple[int, str, int]]) -> None:
    chunks = [*(chunk(*step) for step in steps), *(end(index) for index in range(3))]
    replayed = PARCELS.unpack(PARCELS.pack(chunks))
    assert len(replayed) <= len(chunks)
    for index in range(3):
        before = [each.parcel for each in chunks if each.index == index]
        after = [each.parcel for each in replayed if each.index == index]
        assert "".join(each.text for each in after) == "".join(each.text for each in before)
        assert [one for each in after for one in each.tokens] == [
            one for each in before for one in each.tokens
        ]
        assert all(len(each.tokens) < 64 + 5 for each in after)
        assert [each.HasField("finish") for each in after] == [False] * (len(after) - 1) + [True]
        finish = after[-1].finish
        assert (finish.reason, finish.seed, finish.stop) == (wire.FINISH_REASON_STOP, 7, "x")
        assert finish.usage == before[-1].finish.usage
        assert not finish.HasField("timings")
        assert not finish.HasField("speculation")


def test_what_is_looked_up() -> None:
    assert PARCELS.tokens(chunk(0, "a", 3).parcel) == 3
    assert PARCELS.spent(end(0).parcel) == Spent(2, 9)
    assert PARCELS.size(chunk(0, "a" * 100, 0).parcel) > 100


@pytest.mark.parametrize(
    ("reason", "whole"),
    [
        (wire.FINISH_REASON_STOP, True),
        (wire.FINISH_REASON_LENGTH, True),
        (wire.FINISH_REASON_CANCELLED, False),
        (wire.FINISH_REASON_DEADLINE, False),
        (wire.FINISH_REASON_UNSPECIFIED, False),
    ],
    ids=["stop", "length", "cancelled", "deadline", "unspecified"],
)
def test_an_answer_that_was_cut_short_is_not_whole(
    reason: "wire.FinishReason.ValueType", whole: bool
) -> None:
    assert PARCELS.whole(end(0, reason).parcel) == whole


@pytest.mark.parametrize("body", [b"\xff", b"\x0a\x05a"], ids=["no message", "cut off"])
def test_what_is_no_answer(body: bytes) -> None:
    with pytest.raises(ValueError, match="no packed answer"):
        PARCELS.unpack(body)
