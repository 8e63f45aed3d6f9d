"""Timings of exchanges: what is counted, and that processes agree."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
import torch.distributed as dist

from colonnade.errors import InvalidArgument
from colonnade.learn.plan.collectives import KINDS, Link, Timing, profile_collectives, traffic
from tests.unit.learn.together import together

SIZES = (1, 4096, 100_000)


def _profiled() -> list[tuple[str, int, int, float]]:
    return [
        (each.kind, each.bytes, each.processes, each.seconds)
        for each in profile_collectives(SIZES, repeats=3)
    ]


def test_every_process_gets_the_same_table_of_the_whole_group() -> None:
    first, *others = together(3, _profiled)
    assert all(other == first for other in others)
    assert [kind for kind, *_ in first] == [kind for kind in KINDS for _ in SIZES]
    assert [size for _, size, *_ in first] == [12, 4104, 100_008] * len(KINDS)
    assert all(processes == 3 and seconds > 0 for _, _, processes, seconds in first)


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[None]:
    """A group of this process."""
    dist.init_process_group("gloo", f"file://{tmp_path}/meeting", rank=0, world_size=1)
    yield
    dist.destroy_process_group()


@pytest.mark.usefixtures("alone")
def test_the_median_of_what_a_clock_says_is_told() -> None:
    ticks = itertools.accumulate(itertools.cycle([0.0, 1.0, 0.0, 5.0, 0.0, 2.0]))
    timings = profile_collectives((64,), repeats=3, clock=lambda: next(ticks))
    assert [each.seconds for each in timings] == [2.0] * len(KINDS)


def test_what_a_process_must_send() -> None:
    assert traffic("all_reduce", 100, 4) == 150
    assert [traffic(kind, 100, 4) for kind in KINDS[1:]] == [75, 75, 75]
    assert traffic("all_reduce", 100, 1) == 0
    assert Timing("all_gather", 1000, 2, 0.5).bandwidth == 1000


def test_a_link_has_the_start_of_small_and_the_bandwidth_of_large_exchanges() -> None:
    link = Link.fitted([Timing("all_reduce", 4, 2, 0.001), Timing("all_reduce", 10**6, 2, 0.01)])
    assert (link.latency, link.bandwidth) == (0.001, 10**8)
    assert link.seconds(10**8, 10) == pytest.approx(1.01)


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize(("sizes", "repeats", "field"), [((0,), 1, "sizes"), ((8,), 0, "repeats")])
def test_what_cannot_be_timed_is_refused(sizes: tuple[int, ...], repeats: int, field: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        profile_collectives(sizes, repeats=repeats, device=torch.device("cpu"))
    assert refused.value.details["field"] == field
