from evidence.performance.result import Figure
from evidence.performance.throughput import Load, best_peer
from tests.unit.evidence.made import figure


def of(engine: str, product: str, *samples: float) -> Figure:
    made = figure(engine, samples[-1] if samples else 1.0, product)
    if not samples:
        return made.model_copy(update={"value": None, "samples": [], "not_run": "no"})
    return made.model_copy(update={"samples": list(samples)})


def test_the_best_peer_is_the_fastest_that_ran_in_every_round() -> None:
    figures = {
        "ours": of("ours", "Colonnade", 99.0, 99.0),
        "slow": of("slow", "a peer", 10.0, 10.0),
        "fast": of("fast", "a peer", 20.0, 20.0),
        "once": of("once", "another", 30.0),
        "absent": of("absent", "a third"),
    }
    best = best_peer(figures)
    assert best is not None
    assert best.engine == "fast"


def test_without_peers_there_is_no_best() -> None:
    assert best_peer({"ours": of("ours", "Colonnade", 1.0), "absent": of("absent", "a peer")}) is None


def test_a_prefill_counts_the_prompt_and_a_generation_the_answers() -> None:
    assert Load.prefill(512).counted == 512
    assert Load.generation(8, 48).counted == 48
    assert str(Load.prefill(512)) == "1 stream, prompts of 512 tokens, 1 greedy token"
    assert str(Load.generation(8, 48)) == "8 streams, prompts of 16 tokens, 48 greedy tokens each"
