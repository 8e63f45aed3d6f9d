"""Containers have less than their machine."""

from pathlib import Path

import pytest

from colonnade.supervise.machine import usable_cpus, usable_memory


@pytest.mark.parametrize(
    ("content", "most"), [("150000 100000", 2), ("50000 100000", 1), ("max 100000", None), ("oops", None)]
)
def test_a_container_has_fewer_processors(tmp_path: Path, content: str, most: int | None) -> None:
    (tmp_path / "cpu.max").write_text(content)
    everything = usable_cpus(tmp_path / "none")
    assert everything >= 1
    assert usable_cpus(tmp_path / "cpu.max") == min(everything, most or everything)


def test_a_container_has_less_memory(tmp_path: Path) -> None:
    limit = tmp_path / "memory.max"
    limit.write_text("1000\n")
    assert usable_memory(limit) == 1000
    limit.write_text("max\n")
    assert usable_memory(limit) == usable_memory(tmp_path / "absent") > 1 << 28
