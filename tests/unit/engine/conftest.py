"""One thread for torch, and logs that do not fill the screen."""

from collections.abc import Iterator

import pytest
import torch
from structlog.testing import capture_logs


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    torch.set_num_threads(1)
    with capture_logs():
        yield
