"""Results as cases make them, with figures that a test chooses."""

from evidence.performance.result import Budget, Claim, Figure, Range, Result, claim
from evidence.performance.statistics import Spread


def figure(engine: str, value: float, product: str = "Colonnade") -> Figure:
    return Figure(
        engine=engine, product=product, precision="int4", version="1", unit="tokens/s",
        samples=[value], value=Range(median=value, q1=value - 1, q3=value + 1),
        cpu_seconds=0.5, wall_seconds=1.0,
    )  # fmt: skip


def line(measured: float, at_least: float) -> Claim:
    spread = Spread(measured, measured, measured)
    return claim("at least as fast", "ours", "theirs", spread, at_least=at_least)


def result(case: str = "prefill", *claims: Claim, **more: object) -> Result:
    plain = {
        "case": case, "title": "Prefill",
        "figures": [figure("ours", 20.0), figure("theirs", 10.0, "a peer")],
        "claims": list(claims), "holds": all(each.holds for each in claims),
        "budget": Budget(rounds=3, seconds=12.0, what="1 stream"),
        "limits": {"memory": 1e10},
        "machine": {
            "processor": "one", "cores": 2, "threads": 2, "memory_gib": 8.0, "load_before": 0.1,
            "instructions": ["avx2"],
        },
        "commit": "abc", "measured": "2026-01-01 00:00 UTC",
    }  # fmt: skip
    return Result.model_validate(plain | more)
