"""A home whose sockets have short paths, and an engine without a model."""

from pathlib import Path

import pytest

from colonnade.serving import child, replica
from colonnade.supervise.home import Home

ROOT = Path(__file__).parents[3]


@pytest.fixture
def home(short_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("COLONNADE_HOME", str(short_folder))
    made = Home(short_folder)
    made.prepare()
    return made


@pytest.fixture
def fake_engine(home: Home, monkeypatch: pytest.MonkeyPatch) -> Home:
    """Replicas start the fake one, as if they were on a node of a cluster."""
    monkeypatch.setattr(child, "_MODULE", "tests.unit.serving.fake_engine")
    monkeypatch.setattr(replica, "_node", lambda: "127.0.0.1")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    return home
