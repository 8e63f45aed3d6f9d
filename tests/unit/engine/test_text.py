"""Tokens to text and back, over tokenizers of several kinds."""

import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer as Definition
from tokenizers import decoders, models, normalizers, pre_tokenizers

from colonnade.engine.text import Piece, TextStream, Tokenizer
from colonnade.engine.text.detokenizer import Detokenizer
from colonnade.engine.text.stops import MAX_STOPS, StopStrings
from colonnade.errors import InvalidArgument, TooLarge
from colonnade.models.protocol import SampledToken
from tests.unit.engine.toys import spelling

BYTES = spelling.tokenizer()


def _pieces() -> Tokenizer:
    """As SentencePiece models come: spaces are part of words, unknown characters are bytes."""
    words = ["<unk>", "</s>", "▁", "▁the", "▁cat", "s", "at", "▁é", "."]
    vocabulary = {word: number for number, word in enumerate(words)}
    vocabulary |= {f"<0x{byte:02X}>": len(words) + byte for byte in range(256)}
    made = Definition(models.BPE(vocab=vocabulary, merges=[], byte_fallback=True, unk_token="<unk>"))
    made.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    made.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    made.add_special_tokens(["</s>"])
    return Tokenizer(made.to_str())


def _words() -> Tokenizer:
    """As BERT's: pieces of words marked with ##."""
    vocabulary = {
        word: number for number, word in enumerate(["[UNK]", "play", "##ing", "##s", "a", ",", "do"])
    }
    made = Definition(models.WordPiece(vocab=vocabulary, unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    made.decoder = decoders.WordPiece(cleanup=True)
    return Tokenizer(made.to_str())


KINDS = {"bytes": (BYTES, 258), "pieces": (_pieces(), 265), "words": (_words(), 7)}


@pytest.mark.parametrize("kind", KINDS)
@settings(deadline=None, max_examples=120)
@given(st.data())
def test_the_parts_add_up_to_the_whole(kind: str, data: st.DataObject) -> None:
    tokenizer, size = KINDS[kind]
    ids = st.lists(st.integers(0, size - 1), max_size=40)
    prompt, answer = data.draw(ids), data.draw(ids)
    detokenizer = Detokenizer(tokenizer)
    parts = [detokenizer.push(token) for token in answer]
    whole = tokenizer.decode(answer)
    for number in range(len(parts) + 1):
        assert whole.startswith("".join(parts[:number])), "nothing is taken back"
    assert "".join(parts) + detokenizer.finish() == whole
    if kind == "bytes":
        clean = tokenizer.encode(tokenizer.decode(prompt))
        after = Detokenizer(tokenizer, clean)
        assert "".join(map(after.push, answer)) + after.finish() == whole


@settings(deadline=None)
@given(st.text(max_size=40))
@example("🎉é€")
def test_no_half_character_ever_comes_out(text: str) -> None:
    detokenizer = Detokenizer(BYTES)
    parts = [detokenizer.push(token) for token in BYTES.encode(text)]
    held = detokenizer.finish()
    assert "".join(parts) + held == text
    if "\ufffd" not in text:
        assert not any("\ufffd" in part for part in parts)
        assert held == ""


def test_a_leading_space_after_a_prompt_survives() -> None:
    tokenizer = _pieces()
    prompt = tokenizer.encode("the")
    detokenizer = Detokenizer(tokenizer, prompt)
    assert detokenizer.push(4) == " cat"


def test_endless_broken_bytes_cost_no_more_and_more() -> None:
    detokenizer, broken = Detokenizer(BYTES), BYTES.encode("é")[:1]
    parts = [detokenizer.push(broken[0]) for _ in range(500)]
    assert len(detokenizer._window) < 100
    assert "".join(parts) + detokenizer.finish() == BYTES.decode(broken * 500)


def _first_stop(text: str, stops: list[str]) -> tuple[str, int] | None:
    for end in range(1, len(text) + 1):
        found = [stop for stop in stops if text[:end].endswith(stop)]
        if found:
            longest = max(found, key=len)
            return longest, end - len(longest)
    return None


STOPS = st.lists(st.text("ab", min_size=1, max_size=4), max_size=4, unique=True)


@given(st.lists(st.text("ab", max_size=4), max_size=8), STOPS)
def test_stop_strings_are_found_whatever_the_parts(parts: list[str], stops: list[str]) -> None:
    watch, text = StopStrings(stops), ""
    expected = _first_stop("".join(parts), stops)
    for part in parts:
        text += part
        found = watch.push(part)
        if found:
            assert expected == (found.text, found.at)
            return
        assert expected is None or len(text) < expected[1] + len(expected[0])
        assert expected is None or watch.certain <= expected[1], "text of a stop string was let go"
        tail = text[watch.certain :]
        assert not tail or any(stop.startswith(tail) for stop in stops), "text was held for nothing"
    assert expected is None


@pytest.mark.parametrize("stops", [[""], ["a", ""]])
def test_an_empty_stop_string_is_refused(stops: list[str]) -> None:
    with pytest.raises(InvalidArgument):
        StopStrings(stops)


def test_too_many_or_too_long_stop_strings_are_refused() -> None:
    with pytest.raises(TooLarge) as refusal:
        StopStrings([str(number) for number in range(10_000)])
    assert refusal.value.details == {"field": "stop", "limit": MAX_STOPS}
    with pytest.raises(TooLarge):
        StopStrings(["x" * 257])
    StopStrings(["again"] * 10_000)


@settings(deadline=None)
@given(
    st.lists(st.integers(0, 257), max_size=30),
    st.lists(st.sampled_from(["a", "\ufffd\ufffd", "b"]), max_size=2),
)
def test_pieces_hold_whole_tokens_and_all_of_the_text(ids: list[int], stops: list[str]) -> None:
    stream = TextStream(BYTES, stops=stops)
    pieces: list[Piece] = []
    for token in ids:
        pieces += stream.push(SampledToken(token))
        if stream.stopped:
            break
    pieces += stream.finish()
    text = "".join(piece.text for piece in pieces)
    assert [piece.token.id for piece in pieces] == ids[: len(pieces)]
    whole = BYTES.decode(ids)
    expected = _first_stop(whole, stops)
    if expected is None:
        assert text == whole
        assert len(pieces) == len(ids)
    else:
        assert text == whole[: expected[1]]
        assert stream.stopped is not None
        assert stream.stopped.text == expected[0]


def test_text_waits_only_while_it_may_begin_a_stop_string() -> None:
    stream = TextStream(BYTES, stops=["END"])
    out = [
        "".join(piece.text for piece in stream.push(SampledToken(token))) for token in BYTES.encode("aENxE")
    ]
    assert out == ["a", "", "", "ENx", ""]
    assert [piece.text for piece in stream.finish()] == ["E"]


def test_a_damaged_tokenizer_is_refused() -> None:
    with pytest.raises(InvalidArgument):
        Tokenizer(json.dumps({"model": {"type": "none"}}))
