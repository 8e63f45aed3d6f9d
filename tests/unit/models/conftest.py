"""Model tests are many small matrix products: one thread each is fastest, and repeatable."""

import pytest
import torch


@pytest.fixture(autouse=True)
def _quiet_torch() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
