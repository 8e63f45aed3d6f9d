"""Which training loops are measured, and where each one's interpreter is."""

from collections.abc import Callable
from typing import Any

from evidence.performance.engines.catalog import PEERS, Engine
from evidence.performance.engines.process import EngineProcess
from evidence.performance.figures import Sample
from evidence.performance.learners.shape import Run

_HERE = "evidence.performance.learners"
OURS, HUGGING_FACE, LIT_GPT = "colonnade", "transformers loop", "litgpt"


def ours(run: Run, every: int, *, name: str = OURS, **more: Any) -> Engine:
    """``every``: the steps of one sample."""
    options = {"run": run.said(), "every": every, **more}
    return Engine(name, "Colonnade", run.precision, f"{_HERE}.ours", options=options)


def learners(run: Run, every: int) -> dict[str, Engine]:
    """All that train the same, by name."""
    said = {"run": run.said()}
    return {
        OURS: ours(run, every),
        HUGGING_FACE: Engine(
            HUGGING_FACE, "transformers", run.precision, f"{_HERE}.hugging_face", options=said
        ),
        LIT_GPT: Engine(
            LIT_GPT, "LitGPT", run.precision, f"{_HERE}.lit_gpt", PEERS / "litgpt/bin/python", said
        ),
    }


def sampler(process: EngineProcess, run: Run, every: int) -> Callable[[int], Sample]:
    """Tokens a second of ``every`` steps of a learner that trains ``run``."""

    def sample(_round: int) -> Sample:
        answer = process.call("steps", count=every)
        return Sample(every * run.places / answer.wall, answer.wall, answer.cpu)

    return sample
