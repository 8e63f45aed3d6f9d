"""A home for each test, and fake services in it."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from colonnade.supervise.home import Home
from colonnade.supervise.topology import ServiceSpec
from tests.unit.supervise.stage import fake_spec


@pytest.fixture
def home(short_folder: Path) -> Home:
    made = Home(short_folder)
    made.prepare()
    return made


@pytest.fixture
def fake(home: Home) -> Callable[..., ServiceSpec]:
    """Makes the spec of a fake service: ``fake("engine", "--hang", stop_rank=2)``."""
    return partial(fake_spec, home)
