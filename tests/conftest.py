"""What every test may rely on: no thread storms, no network, nobody's real home folder."""

import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import settings

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

# Under nohup or in a shell's background these are ignored, and so they would be in every process of a test.
signal.signal(signal.SIGHUP, signal.SIG_DFL)
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# How long an example takes says more about the machine's load than about the code; pytest has a time-out.
settings.register_profile("colonnade", deadline=None)
settings.load_profile("colonnade")

_configure = structlog.configure


def _configure_uncached(**options: Any) -> None:
    """A cached logger keeps what an earlier test configured: later ones would not see its lines."""
    _configure(**options | {"cache_logger_on_first_use": False})


vars(structlog)["configure"] = _configure_uncached


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """Unlike tmp_path: the path of a socket may have 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="cln-") as name:
        yield Path(name)


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings read COLONNADE_*; a test never sees those of the person who runs it."""
    for name in [name for name in os.environ if name.startswith("COLONNADE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("COLONNADE_HOME", str(tmp_path / "home"))
