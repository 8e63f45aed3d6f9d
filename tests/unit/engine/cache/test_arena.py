import mmap
from pathlib import Path

import pytest
import torch

from colonnade.engine.cache.arena import Arena

CPU = torch.device("cpu")


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_page_that_is_given_back_takes_no_memory_and_its_neighbours_stay(dtype: torch.dtype) -> None:
    arena = Arena(5, (4, 64), dtype, CPU)
    assert arena.pages.shape == (5, 2, 4, 16, 64)
    assert arena.pages[0].nbytes % mmap.PAGESIZE == 0
    arena.pages.fill_(3.0)
    arena.give_back(2)
    assert [bool(page.any()) for page in arena.pages] == [True, True, False, True, True]
    assert (arena.pages[[0, 1, 3, 4]] == 3.0).all()


def test_what_shares_the_machines_pages_with_neighbours_stays() -> None:
    arena = Arena(300, (1, 3), torch.float32, CPU)
    arena.pages.fill_(3.0)
    for page in (0, 7, 299):
        arena.give_back(page)
    assert (arena.pages == 3.0).all()


def test_room_for_very_much_costs_nothing_until_it_is_used() -> None:
    before = _resident()
    arena = Arena(200_000, (4, 64), torch.float32, CPU)
    arena.pages[0].fill_(1.0)
    assert arena.pages.nbytes > 6 << 30
    assert _resident() - before < 64 << 20


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * mmap.PAGESIZE
