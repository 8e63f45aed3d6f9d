import pytest
from hypothesis import given
from hypothesis import strategies as st

from colonnade.engine.cache import Chain, PrefixIndex
from colonnade.engine.kernels.attention import PAGE

TEXTS = st.lists(st.integers(0, 2), max_size=5 * PAGE)


@given(TEXTS, TEXTS)
def test_pages_have_the_same_key_exactly_if_all_up_to_their_end_is_the_same(
    one: list[int], two: list[int]
) -> None:
    two = one[: len(two)] if len(two) % 2 else two
    keys = zip(Chain("model").over(one), Chain("model").over(two), strict=False)
    for page, (left, right) in enumerate(keys, start=1):
        assert (left == right) == (one[: page * PAGE] == two[: page * PAGE])


@given(TEXTS, st.integers(0, 5 * PAGE))
def test_a_chain_that_grew_equals_one_made_at_once(text: list[int], cut: int) -> None:
    grown = Chain("model")
    grown.over(text[:cut])
    assert grown.over(text) == Chain("model").over(text)
    branch = grown.branch(1)
    assert branch.over(text) == grown.over(text)
    grown.cut(1)
    assert grown.over(text[:PAGE]) == branch.over(text)[:1]


@pytest.mark.parametrize(
    "other", [("model", None, "b"), ("model", "x", "a"), ("m", None, "a"), ("model", "a")]
)
def test_nothing_is_shared_between_models_adapters_or_tenants(other: tuple[str | None, ...]) -> None:
    text = [1] * PAGE
    assert Chain("model", None, "a").over(text) != Chain(*other).over(text)


def test_the_first_page_of_a_content_is_the_one_that_is_known() -> None:
    index = PrefixIndex()
    index.publish(b"a", 1)
    index.publish(b"a", 2)
    index.publish(b"b", 2)
    assert index.find([b"a", b"b", b"c", b"a"]) == [1, 2]
    index.forget(1)
    assert index.find([b"a", b"b"]) == []
    assert 2 in index
    assert len(index) == 1


def test_a_page_that_is_shared_cannot_become_another() -> None:
    index = PrefixIndex()
    index.publish(b"a", 1)
    with pytest.raises(AssertionError):
        index.publish(b"b", 1)
