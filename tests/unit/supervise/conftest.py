"""A home for each test, and fake services in it."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from colonnade.supervise.home import Home
from colonnade.supervise.topology import ServiceSpec
from tests.unit.supervise.stage import fake_spec


@pytest.fixture
def home() -> Iterator[Home]:
    """Short enough for sockets, whatever pytest's own folder is called."""
    folder = Path(tempfile.mkdtemp(prefix="ch-"))
    made = Home(folder)
    made.prepare()
    yield made
    shutil.rmtree(folder)


@pytest.fixture
def fake(home: Home) -> Callable[..., ServiceSpec]:
    """Makes the spec of a fake service: ``fake("engine", "--hang", stop_rank=2)``."""
    return partial(fake_spec, home)
