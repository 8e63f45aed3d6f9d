"""What ``result.json`` says of a run."""

from collections.abc import Mapping

from colonnade.learn.checkpoints import Json
from colonnade.learn.loop.trainer import Outcome


def result_of(outcome: Outcome, facts: Mapping[str, Json]) -> dict[str, Json]:
    """``facts`` say where it comes from."""
    return {
        "ending": outcome.ending,
        "step": outcome.step,
        "metrics": dict(outcome.metrics),
        "sentence": outcome.sentence,
        **facts,
    }
