"""A real object store."""

from collections.abc import Iterator

import pytest

from tests.harness.s3 import S3
from tests.harness.s3 import s3 as running


@pytest.fixture(scope="session")
def s3() -> Iterator[S3]:
    with running() as server:
        yield server
