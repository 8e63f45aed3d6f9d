"""Colonnade's own loop: ``colonnade.learn.run`` as its command runs it, let go a few steps at a time.

The run goes on in a thread of its own. It stands still wherever it reports, until it is asked for more, so
what is measured is everything that a user's run does: reading ahead, health, norms by block, what is told.
"""

import queue
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from importlib.metadata import version
from itertools import count
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

from colonnade.learn.data.loader import Loader, TokenBatch
from colonnade.learn.loop.stop import Stop
from colonnade.learn.place import Place
from colonnade.learn.recipe import Recipe
from colonnade.learn.reports import Began, Event, Stepped
from colonnade.learn.run import run as learn
from colonnade.models.layers import cross_entropy
from evidence.performance.engines.child import peak_bytes, serve
from evidence.performance.learners.shape import Run
from evidence.performance.learners.tokens import DATA

_STEPS = 1_000_000
"""More than are ever asked for."""


class Ours:
    def __init__(
        self, run: dict[str, Any], every: int, flash: bool = True, chunks: bool = True, ahead: bool = True
    ) -> None:
        """``every``: how many steps ``steps`` does at a time. Turned off, ``flash`` keeps the scores of
        attention whole, ``chunks`` the logits, and without ``ahead`` a batch is made when its step begins."""
        self._every, self._flash = every, flash
        said = Run.of(run)
        if not chunks:
            vars(cross_entropy)["CHUNK_BYTES"] = 1 << 60
        if not ahead:
            setattr(Loader, "stream", _at_once)  # noqa: B010 - mypy
        torch.set_num_threads(said.threads)
        self._turns = _Turns()
        place = Place(Path(mkdtemp(prefix="learner-")), Path(said.data))
        self._thread = threading.Thread(target=self._learn, args=(_recipe(said, every), place), daemon=True)
        self._thread.start()
        self._turns.ready()

    def _learn(self, recipe: Recipe, place: Place) -> None:
        backends = list(SDPBackend.__members__.values()) if self._flash else [SDPBackend.MATH]
        try:
            with sdpa_kernel([each for each in backends if each is not SDPBackend.ERROR]):
                learn(recipe, place, self._turns, Stop())
        except BaseException as error:  # the asking thread raises it
            self._turns.failed(error)

    def steps(self, count: int) -> float:
        """The mean loss of the steps."""
        assert count == self._every, "it reports, and so stands still, after that many steps"
        return self._turns.next()["loss"]

    def describe(self) -> dict[str, Any]:
        return {"version": version("colonnade"), "peak_bytes": peak_bytes()}


class _Turns:
    """A listener that lets the run go on only as long as somebody waits for its next report."""

    def __init__(self) -> None:
        self._go: queue.Queue[None] = queue.Queue()
        self._said: queue.Queue[dict[str, float] | BaseException] = queue.Queue()

    def __call__(self, event: Event) -> None:
        if isinstance(event, Stepped):
            self._said.put(dict(event.values))
            self._go.get()
        elif isinstance(event, Began):
            self._said.put({})
            self._go.get()

    def close(self) -> None:
        """Nothing is held."""

    def failed(self, error: BaseException) -> None:
        self._said.put(error)

    def ready(self) -> None:
        self._taken()

    def next(self) -> dict[str, float]:
        self._go.put(None)
        return self._taken()

    def _taken(self) -> dict[str, float]:
        said = self._said.get()
        if isinstance(said, BaseException):
            raise said
        return said


def _at_once(loader: Loader, start: int) -> AbstractContextManager[Iterator[TokenBatch]]:
    return nullcontext(map(loader.batch, count(start)))


def _recipe(run: Run, every: int) -> Recipe:
    shape = run.shape
    return Recipe.model_validate(
        {
            "name": "measured",
            "data": DATA,
            "model": {
                "preset": "debug",
                "with": {
                    "vocab_size": shape.vocabulary, "context_length": shape.context, "width": shape.width,
                    "layers": shape.layers, "heads": shape.heads, "kv_heads": shape.kv_heads,
                    "head_width": shape.width // shape.heads, "hidden": shape.hidden,
                },
            },
            "batch": {
                "tokens": run.tokens, "rows": run.rows, "accumulate": run.accumulate,
                "recompute": run.recompute,
            },
            "steps": _STEPS,
            "optimiser": {
                "name": "adamw", "learning_rate": run.learning_rate, "betas": list(run.betas),
                "weight_decay": run.weight_decay,
            },
            "schedule": {"kind": "constant", "warm_up": 10},
            "clipping": {"kind": "norm", "limit": run.clip},
            "precision": {"kind": run.precision, "compile": run.compile},
            "evaluation": {"every": _STEPS},
            "checkpoints": {"every": _STEPS},
            "reports": {"every": every, "tensorboard": False},
        }
    )  # fmt: skip


if __name__ == "__main__":
    serve(Ours)
