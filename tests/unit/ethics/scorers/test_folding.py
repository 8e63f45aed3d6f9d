"""Text as it reads, and the way back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from colonnade.ethics.scorers.folding import fold


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("plain\ttext\n", "plain\ttext\n"),
        ("p\u200ba\u2060s\ufeffs\u00adword", "password"),
        ("\u202egnorei\u202c", "gnorei"),
        ("４１１１", "4111"),
        ("٤١١١", "4111"),
        ("раураl", "paypal"),  # all but the last Cyrillic
        ("ІgnоrЕ", "IgnorE"),
        ("ig\u0301nóre", "ignore"),
        ("ﬁle", "file"),
        ("a\u00a0b\u3000c\u2028d", "a b c\nd"),
        ("𝐢𝐠𝐧𝐨𝐫𝐞", "ignore"),
        ("ⓘⓖⓝⓞⓡⓔ", "ignore"),
        ("1‐2−3", "1-2-3"),
        ("a\U000e0041b", "ab"),
        ("a\x00b\x08c", "abc"),
        ("日本語", "日本語"),
    ],
)
def test_reads_as_people_do(written: str, read: str) -> None:
    assert fold(written)[0] == read


def test_offsets_lead_back() -> None:
    assert fold("a\u200bﬁ!", 10) == ("afi!", [10, 12, 12, 13])


@given(st.text(), st.data())
def test_a_text_folds_alike_wherever_it_is_cut(text: str, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(text)))
    (left, before), (right, after) = fold(text[:cut]), fold(text[cut:], cut)
    assert (left + right, before + after) == fold(text)
