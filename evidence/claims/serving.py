"""A platform of its own that serves the bundled models, for what is measured through its public door."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from colonnade.client import Colonnade
from colonnade.storage.bundled import MINILM
from tests.harness.platform import running

SMOLLM2 = "smollm2"
_SECONDS = 600


@contextmanager
def serving(*, encoder: bool = False, bias_sets: str = "") -> Iterator[Colonnade]:
    """With ``encoder`` it has the model for embeddings, too; with ``bias_sets``, the sets of that folder."""
    with running("--no-import", COLONNADE_ETHICS_BIAS_SETS_DIR=bias_sets) as platform:
        platform.command("models", "import", "bundled:smollm2-135m-instruct", "--name", SMOLLM2)
        if encoder:
            platform.command("models", "import", f"bundled:{MINILM}")
        with Colonnade(platform.url, timeout=_SECONDS) as client:
            yield client


def tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)  # noqa: T201 - progress of a command
