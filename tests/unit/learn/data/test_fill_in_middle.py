"""Documents with a gap: nothing of the text is lost, and what is drawn is of seed and text alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from colonnade.learn.data.fill_in_middle import Marks, rearranged
from colonnade.learn.data.settings import FillInMiddleSettings

MARKS = Marks(prefix=1, middle=2, suffix=3)


@given(st.text(max_size=60), st.integers(0, 2**63 - 1), st.sampled_from([0.0, 0.5, 1.0]))
def test_the_text_can_be_put_together_again(text: str, seed: int, suffix_first: float) -> None:
    settings = FillInMiddleSettings(rate=1.0, suffix_first=suffix_first, seed=seed)
    parts = rearranged(text, settings, MARKS)
    if parts[1] == MARKS.suffix:
        assert parts[0] == MARKS.prefix
        assert parts[3] == MARKS.middle
        joined, suffix = parts[4], parts[2]
        assert suffix_first > 0
    else:
        assert [parts[0], parts[2], parts[4]] == [MARKS.prefix, MARKS.suffix, MARKS.middle]
        joined, suffix = f"{parts[1]}{parts[5]}", parts[3]
        assert suffix_first < 1
    assert f"{joined}{suffix}" == text


def test_the_shares_are_as_they_were_set() -> None:
    settings = FillInMiddleSettings(rate=0.4, suffix_first=0.25)
    made = [rearranged(f"text number {number}", settings, MARKS) for number in range(4000)]
    changed = [parts for parts in made if len(parts) > 1]
    assert len(changed) / 4000 == pytest.approx(0.4, abs=0.04)
    assert sum(parts[1] == 3 for parts in changed) / len(changed) == pytest.approx(0.25, abs=0.05)


def test_another_seed_cuts_elsewhere_and_the_same_does_not() -> None:
    one, other = FillInMiddleSettings(rate=1.0), FillInMiddleSettings(rate=1.0, seed=1)
    text = "A sentence that is long enough to be cut in many places."
    assert rearranged(text, one, MARKS) == rearranged(text, one, MARKS)
    assert rearranged(text, one, MARKS) != rearranged(text, other, MARKS)
