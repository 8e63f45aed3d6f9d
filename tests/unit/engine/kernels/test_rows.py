import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from colonnade.engine.kernels import rows

SCORES = st.lists(
    st.sampled_from([-math.inf, -2.5, -0.0, 0.0, 1.0, 1.5, 7.0]) | st.floats(width=32, allow_nan=False),
    min_size=1,
    max_size=300,
)


@pytest.fixture(params=["native", "reference"], autouse=True)
def path(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "reference":
        monkeypatch.setattr(rows, "library", lambda: None)


def ranked(scores: list[float], k: int) -> list[int]:
    """By definition: all that are at least the k-th largest, best first, ties by id."""
    if k == 0:
        return []
    threshold = sorted(scores, reverse=True)[min(k, len(scores)) - 1]
    ids = [id_ for id_, score in enumerate(scores) if score >= threshold]
    return sorted(ids, key=lambda id_: (-scores[id_], id_))


@given(SCORES, st.integers(0, 400))
def test_top_ids_keep_ties_and_break_them_by_id(scores: list[float], k: int) -> None:
    assert rows.top_ids(torch.tensor(scores), k).tolist() == ranked(scores, k)


@given(st.lists(SCORES, min_size=1, max_size=3))
def test_best_is_the_first_of_the_largest(scores: list[list[float]]) -> None:
    width = min(map(len, scores))
    ids, values = rows.best(torch.tensor([each[:width] for each in scores]))
    for row, id_, value in zip(scores, ids, values, strict=True):
        assert value == max(row[:width])
        assert id_ == row.index(value)


@pytest.mark.parametrize("place", [0, 63, 64, 199])
def test_best_tells_of_a_score_that_is_not_a_number(place: int) -> None:
    row = torch.zeros(2, 200)
    row[1, place] = math.nan
    values = rows.best(row)[1]
    assert values[0] == 0.0
    assert math.isnan(values[1])


def test_a_whole_vocabulary() -> None:
    row = torch.randn(49_152, generator=torch.Generator().manual_seed(3)).half().float()  # many ties
    for k in (1, 50, 700, 5000, 49_152):
        assert rows.top_ids(row, k).tolist() == ranked(row.tolist(), k)


def test_half_precision_and_strides() -> None:
    logits = torch.arange(40.0).reshape(20, 2).bfloat16()
    assert rows.top_ids(logits[:, 0], 2).tolist() == [19, 18]
    assert rows.best(logits.t())[0] == [19, 19]
