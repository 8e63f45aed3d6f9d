"""What is made equal before anything looks at a text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from colonnade.learn.data.normalise import normalise
from colonnade.learn.data.settings import NormalSettings

NOTHING = NormalSettings(unicode="none", newlines=False, control=False, strip=False)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("a\r\nb\rc\u2028d\u0085e", "a\nb\nc\nd\ne"),
        ("\ufeffa", "a"),
        ("a\x00b\x1b[0m\tc\x7f\x9f", "ab[0m\tc"),
        ("e\u0301", "é"),
        ("ﬁ", "ﬁ"),
        ("  a \n", "a"),
    ],
)
def test_as_it_is_set_by_default(raw: str, expected: str) -> None:
    assert normalise(raw, NormalSettings()) == expected


def test_each_part_can_be_left_out() -> None:
    raw = "\ufeff e\u0301\r\n\x00ﬁ "
    assert normalise(raw, NOTHING) == raw
    assert normalise(raw, NOTHING.model_copy(update={"newlines": True})) == " e\u0301\n\x00ﬁ "
    assert normalise(raw, NOTHING.model_copy(update={"control": True})) == "\ufeff e\u0301\nﬁ "
    assert normalise(raw, NOTHING.model_copy(update={"unicode": "NFC"})) == "\ufeff é\r\n\x00ﬁ "
    assert normalise(raw, NOTHING.model_copy(update={"unicode": "NFKC"})).endswith("fi ")
    assert normalise(raw, NOTHING.model_copy(update={"strip": True})) == raw.strip()


_TEXT = (
    st.text(st.sampled_from("a\r\n\t \x00\x85\u2028\ufeff\u0301eﬁ\u00a0가\u1161"), max_size=12) | st.text()
)


@given(_TEXT, st.sampled_from(["NFC", "NFKC"]))
def test_doing_it_twice_changes_nothing_more(raw: str, form: str) -> None:
    settings = NormalSettings.model_validate({"unicode": form})
    once = normalise(raw, settings)
    assert normalise(once, settings) == once
    assert "\r" not in once
    assert "\x00" not in once
