"""Numbers of engines: the lowest that is free, and free as soon as the last holder has died."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from colonnade.errors import Conflict
from colonnade.serving import slots


def test_the_lowest_number_that_nobody_has(tmp_path: Path) -> None:
    first, second, third = (slots.take(tmp_path) for _ in range(3))
    assert [first.number, second.number, third.number] == [0, 1, 2]
    os.close(second.descriptor)
    assert slots.take(tmp_path).number == 1
    os.close(first.descriptor)
    os.close(third.descriptor)


def test_more_than_there_are_numbers_are_refused(tmp_path: Path) -> None:
    held = [slots.take(tmp_path, most=2) for _ in range(2)]
    with pytest.raises(Conflict, match="2 engines run on this machine already"):
        slots.take(tmp_path, most=2)
    for slot in held:
        os.close(slot.descriptor)


def test_a_child_holds_it_until_its_own_end_however_that_comes(tmp_path: Path) -> None:
    slot = slots.take(tmp_path)
    command = [sys.executable, "-c", "import sys; sys.stdin.read()"]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, pass_fds=(slot.descriptor,))
    os.close(slot.descriptor)
    other = slots.take(tmp_path)
    assert other.number == 1
    child.kill()
    child.wait()
    again = slots.take(tmp_path)
    assert again.number == 0
    assert child.stdin
    child.stdin.close()
    os.close(other.descriptor)
    os.close(again.descriptor)
