"""What was measured of a version, by whom, on what."""

import math
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

from colonnade.errors import InvalidArgument
from colonnade.registry.lineage import Kind, node_key
from colonnade.security.inputs import check_count, check_text
from colonnade.security.inputs import digest as check_digest

Outcome: TypeAlias = Literal["passed", "failed", ""]
OUTCOMES = ("passed", "failed", "")
MAX_SUITE_BYTES = 128
MAX_RESULTS = 64
_RESULT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/@+-]{0,127}")
ROLLOUT = "ro_"
"""How the ids of rollouts begin."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What was found, before anybody says who found it."""

    model: str
    version: int
    suite: str
    results: Mapping[str, float]
    suite_digest: str = ""
    outcome: str = ""
    """passed, failed, or empty where nothing was at stake."""
    origin: str = ""
    """The rollout or the run that it was made for."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    id: str
    measured: Measured
    by: str
    at: datetime


def evaluation_id(at: datetime) -> str:
    """Sorts by the time."""
    return f"ev_{int(at.timestamp() * 1e6):016x}{uuid.uuid4().hex[:12]}"


def check_measured(measured: Measured) -> None:
    """What people may say; ``InvalidArgument`` names the field."""
    check_text(measured.suite, "suite", MAX_SUITE_BYTES, controls="line")
    if measured.suite_digest:
        check_digest(measured.suite_digest, "suite_digest")
    if measured.outcome not in OUTCOMES:
        raise InvalidArgument("outcome must be passed, failed or empty", field="outcome")
    if measured.origin.startswith(ROLLOUT):
        raise InvalidArgument("origin must name a run: rollouts record what they find", field="origin")
    if measured.origin:
        node_key(Kind.RUN, measured.origin, "origin")
    check_results(measured.results)


def check_results(results: Mapping[str, float]) -> None:
    if not results:
        raise InvalidArgument("results must have at least one name with a number", field="results")
    check_count(len(results), MAX_RESULTS, "results")
    for name, value in results.items():
        if not _RESULT.fullmatch(name):
            raise InvalidArgument(
                "results must have names of letters, digits and . _ / @ + - (at most 128)", field="results"
            )
        if not math.isfinite(value):
            raise InvalidArgument(f"results.{name} must be a finite number", field=f"results.{name}")
