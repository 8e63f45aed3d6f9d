"""What callers and Prometheus hear of guesses."""

from prometheus_client import CollectorRegistry

from colonnade.engine.delivery import Chunk
from colonnade.engine.metrics import EngineMetrics
from colonnade.engine.sequence import Finish, FinishReason
from colonnade.engine.speculation.decoder import Tally
from colonnade.engine.wire import chunk_of
from tests.unit.engine.toys.loaded import runtime


def _finish(tally: Tally | None) -> Finish:
    return Finish(FinishReason.STOP, 3, 9, 0.1, 0.1, 0.5, 0.2, seed=1, speculation=tally)


def test_an_answer_says_what_was_guessed() -> None:
    finish = chunk_of(Chunk((), _finish(Tally(9, 5))), runtime()).finish
    assert (finish.speculation.proposed, finish.speculation.accepted) == (9, 5)
    assert not chunk_of(Chunk((), _finish(None)), runtime()).finish.HasField("speculation")


def test_guesses_are_counted_by_model() -> None:
    registry = CollectorRegistry()
    metrics = EngineMetrics(registry)
    for tally in (Tally(9, 5), None, Tally(2, 0)):
        metrics.finished("chat", "tiny", _finish(tally))
    counted = {
        kind: registry.get_sample_value(
            "colonnade_engine_speculation_tokens_total", {"model": "tiny", "kind": kind}
        )
        for kind in ("proposed", "accepted")
    }
    assert counted == {"proposed": 11.0, "accepted": 5.0}
