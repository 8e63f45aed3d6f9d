"""Writing as fast as memory: what a killed process left is there without being put on the disk."""

import os

import pytest


@pytest.fixture(autouse=True)
def _quick_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of these tests none cuts the power; which files are put on the disk, and when, has one of its own."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
