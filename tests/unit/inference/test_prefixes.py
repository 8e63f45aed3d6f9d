"""What is remembered of the beginnings that engines have served."""

from hypothesis import given, settings
from hypothesis import strategies as st

from colonnade.inference.domain import Prefixes, text_keys, token_keys
from colonnade.inference.domain.prefixes import BLOCK_CHARACTERS, BLOCK_TOKENS, MAX_BLOCKS

ROOT = ("sha256:m", "", "acme")
RUN = ("e:1", "first")


def _text(blocks: int, letter: str = "x", rest: str = "") -> str:
    return letter * (blocks * BLOCK_CHARACTERS) + rest


@settings(deadline=None)
@given(shared=st.integers(0, 5), mine=st.integers(0, 3), other=st.integers(0, 3), cut=st.integers(0, 700))
def test_two_texts_share_the_keys_of_the_blocks_that_they_share(
    shared: int, mine: int, other: int, cut: int
) -> None:
    first, second = _text(shared) + _text(mine, "a"), _text(shared) + _text(other, "b")
    one, two = text_keys(ROOT, [first]), text_keys(ROOT, [second])
    assert (len(one), len(two)) == (shared + mine, shared + other)
    assert [a == b for a, b in zip(one, two, strict=False)] == [
        number < shared for number in range(min(len(one), len(two)))
    ]
    assert text_keys(ROOT, [first[:cut], first[cut:]]) == one  # parts are read as one text


def test_only_full_blocks_count_and_only_so_many() -> None:
    assert text_keys(ROOT, ["x" * (BLOCK_CHARACTERS - 1)]) == ()
    assert len(text_keys(ROOT, ["x" * BLOCK_CHARACTERS * (MAX_BLOCKS + 9)])) == MAX_BLOCKS
    assert token_keys(ROOT, range(BLOCK_TOKENS - 1)) == ()
    assert len(token_keys(ROOT, [1] * BLOCK_TOKENS * (MAX_BLOCKS + 9))) == MAX_BLOCKS
    assert text_keys(ROOT, ["\ud800" * BLOCK_CHARACTERS])


def test_whose_text_it_is_for_which_model_and_adapter_makes_another_key() -> None:
    roots = [ROOT, ("sha256:n", "", "acme"), ("sha256:m", "sha256:a", "acme"), ("sha256:m", "", "other")]
    assert len({text_keys(root, [_text(1)]) for root in roots}) == len(roots)
    assert len({token_keys(root, range(BLOCK_TOKENS)) for root in roots}) == len(roots)


def test_a_beginning_is_known_as_far_as_it_was_served() -> None:
    prefixes, keys = Prefixes(100), text_keys(ROOT, [_text(5)])
    assert prefixes.match(RUN, keys) == 0
    prefixes.served(RUN, keys[:3])
    assert prefixes.match(RUN, keys) == 3
    assert prefixes.match(("e:1", "second"), keys) == 0  # its cache is empty
    assert prefixes.match(("e:2", "first"), keys) == 0
    prefixes.served(("e:1", "second"), keys[:1])
    assert prefixes.match(RUN, keys) == 0
    prefixes.forget("e:1")
    assert prefixes.match(("e:1", "second"), keys) == 0


def test_the_end_of_what_was_used_longest_ago_goes_first() -> None:
    prefixes = Prefixes(4)
    old, new = text_keys(ROOT, [_text(3, "o")]), text_keys(ROOT, [_text(2, "n")])
    prefixes.served(RUN, old)
    prefixes.served(RUN, new)
    assert (prefixes.match(RUN, old), prefixes.match(RUN, new)) == (2, 2)
    assert prefixes.blocks("e:1") == 4


def test_nothing_is_remembered_where_that_is_off() -> None:
    prefixes = Prefixes(0)
    prefixes.served(RUN, text_keys(ROOT, [_text(2)]))
    assert prefixes.blocks("e:1") == 0


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("xyz"), st.integers(0, 9)), max_size=30))
def test_memory_is_bounded_whatever_is_served(asked: list[tuple[str, str, int]]) -> None:
    prefixes = Prefixes(5)
    for address, letter, blocks in asked:
        keys = text_keys(ROOT, [_text(blocks, letter)])
        prefixes.served((address, "i"), keys)
        assert prefixes.blocks(address) <= 5
        assert prefixes.match((address, "i"), keys) == min(5, blocks)
