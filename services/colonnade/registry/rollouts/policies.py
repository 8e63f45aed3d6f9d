"""Named plans: those that come with the platform, and YAML files in a folder of the operator's."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from colonnade.errors import ColonnadeError, InvalidArgument
from colonnade.registry.rollouts.plan import Bound, Gate, Measure, Objective, Plan, Probe, Step
from colonnade.security.inputs import alias_name

CAREFUL = """
description: Gates, a shadow, then 5, 25 and 50 percent, some ten minutes in all
gates:
  - {probe: tasks, bound: 0.9x}
  - {probe: perplexity, bound: 1.1x, every_seconds: 60}
  - {probe: first_token_p95, bound: 3x}
  - {probe: tokens_per_second, bound: 0.5x}
  - {probe: bias, bound: 1.25x, optional: true}
shadow: {percent: 10, seconds: 60}
steps:
  - {percent: 5, seconds: 120, requests: 20}
  - {percent: 25, seconds: 180, requests: 50}
  - {percent: 50, seconds: 180, requests: 100}
objectives: {error_rate: 0.02, first_token_p95: 2x, tokens_per_second: 0.6x}
"""
QUICK = """
description: Gates, then 10 and 50 percent for seconds each, for trying things out
gates:
  - {probe: tasks, bound: 0.8x}
  - {probe: perplexity, bound: 1.5x}
steps:
  - {percent: 10, seconds: 5, requests: 5}
  - {percent: 50, seconds: 5, requests: 5}
objectives: {error_rate: 0.05, first_token_p95: 3x}
least_requests: 5
"""
GATES = """
description: Gates alone, then all requests at once
gates:
  - {probe: tasks, bound: 0.9x}
  - {probe: perplexity, bound: 1.1x}
"""
_MOST_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Policy:
    name: str
    description: str
    plan: Plan


def policies_in(folder: Path | None) -> Mapping[str, Policy]:
    """Those that come with the platform, and each ``<name>.yaml`` of the folder, which may replace one.

    Raises ``InvalidArgument`` naming the file and the field."""
    texts = {"careful": CAREFUL, "quick": QUICK, "gates": GATES}
    for path in sorted(folder.glob("*.yaml")) if folder else ():
        texts[alias_name(path.stem, "policy")] = path.read_text()[: _MOST_BYTES + 1]
    found = {}
    for name, text in texts.items():
        try:
            found[name] = policy_of(name, text)
        except ColonnadeError as error:
            raise InvalidArgument(f"policy {name}: {error.message}", **error.details) from None
    return found


def policy_of(name: str, text: str) -> Policy:
    """Reads a policy's YAML."""
    if len(text) > _MOST_BYTES:
        raise InvalidArgument(
            f"it may have {_MOST_BYTES} characters at most", field="policy", limit=_MOST_BYTES
        )
    try:
        written = _Policy.model_validate(yaml.safe_load(text))
    except (yaml.YAMLError, RecursionError):
        raise InvalidArgument("it is not YAML", field="policy") from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(map(str, first["loc"])) or "policy"
        raise InvalidArgument(f"{field}: {first['msg']}", field=field) from None
    return Policy(name, written.description, written.plan())


class _Written(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Gate(_Written):
    probe: Probe = Field(strict=False)
    bound: float | str
    texts: str = ""
    optional: bool = False
    every_seconds: float = 0

    def gate(self) -> Gate:
        bound = Bound.parse(self.bound, f"{self.probe} bound")
        return Gate(self.probe, bound, self.texts, not self.optional, self.every_seconds)


class _Step(_Written):
    percent: int
    seconds: float = 0
    requests: int = 0

    def step(self) -> Step:
        return Step(self.percent, self.seconds, self.requests)


class _Policy(_Written):
    description: str = ""
    gates: list[_Gate] = []
    shadow: _Step | None = None
    steps: list[_Step] = []
    objectives: dict[Annotated[Measure, Field(strict=False)], float | str] = {}
    least_requests: int = 20

    def plan(self) -> Plan:
        return Plan(
            gates=tuple(each.gate() for each in self.gates),
            shadow=self.shadow.step() if self.shadow else None,
            steps=tuple(each.step() for each in self.steps),
            objectives=tuple(
                Objective(measure, Bound.parse(bound, f"objectives.{measure}"))
                for measure, bound in self.objectives.items()
            ),
            least_requests=self.least_requests,
        )
