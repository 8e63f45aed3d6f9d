"""How many processes make what of a run."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from colonnade.errors import InvalidArgument
from colonnade.learn.mesh.settings import Layout, ParallelSettings

sizes = st.integers(1, 6)


@given(replicas=sizes, shards=sizes, tensor=sizes)
def test_what_is_left_out_is_as_many_as_there_are_processes_for(
    replicas: int, shards: int, tensor: int
) -> None:
    world = replicas * shards * tensor
    layout = Layout.of(ParallelSettings(shards=shards, tensor=tensor), world)
    assert layout == Layout(replicas, shards, tensor)
    assert layout.world == world
    said = ParallelSettings(replicas=replicas, shards=shards, tensor=tensor)
    assert Layout.of(said, world) == layout
    assert said.processes == world


@given(replicas=sizes, shards=sizes, tensor=sizes)
def test_every_part_of_the_rows_is_somebodys(replicas: int, shards: int, tensor: int) -> None:
    layout = Layout(replicas, shards, tensor)
    parts = [layout.part(rank) for rank in range(layout.world)]
    assert sorted(set(parts)) == list(range(layout.parts))
    assert all(parts.count(part) == tensor for part in set(parts))


@given(accumulate=st.integers(1, 200), parts=st.integers(1, 40))
def test_no_process_makes_more_passes_or_larger_ones_than_one_alone(accumulate: int, parts: int) -> None:
    layout = Layout(replicas=parts)
    passes = layout.passes(accumulate)
    assert accumulate % passes == 0
    assert accumulate // passes <= parts, "a pass has at most the rows of one alone"
    if accumulate % parts == 0:
        assert passes * parts == accumulate


@pytest.mark.parametrize(
    ("said", "world", "what"),
    [
        ({"shards": 2}, 3, "2 shards x 1 tensor do not make 3 processes; start 2"),
        ({"shards": 2, "tensor": 2}, 2, "start 4"),
        ({"replicas": 2}, 1, "2 replicas do not make 1 processes; start 2"),
    ],
)
def test_processes_that_do_not_fit_are_refused(said: dict[str, int], world: int, what: str) -> None:
    with pytest.raises(InvalidArgument, match=what) as caught:
        Layout.of(ParallelSettings(**said), world)
    assert caught.value.details["field"] == "parallel"


def test_says_what_it_is() -> None:
    assert str(Layout()) == "1 process"
    assert str(Layout(2, 1, 4)) == "2 replicas x 4 tensor"
