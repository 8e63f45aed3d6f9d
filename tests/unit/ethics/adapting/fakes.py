"""A world in which adaptations go well, unless it is told otherwise."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field

from colonnade.ethics.adapting.domain.adaptations import Asker
from colonnade.ethics.adapting.ports import Job, Preferred
from colonnade.ethics.bias.domain.reports import Version
from colonnade.ethics.bias.ports import Likelihood

SMOL = Version("smol", 1, f"sha256:{'1' * 64}")
BETTER = Version("smol", 2, f"sha256:{'2' * 64}")
HARMS = {"Here is how.": 0.9, "Hm.": 0.4, "No.": 0.1}


class Scored:
    """Implements ``ports.Harm``: of an answer that is not known, none."""

    async def of(self, answer: str) -> float:
        return HARMS.get(answer, 0.0)


@dataclass
class Speaker:
    """Implements ``ports.Writer``."""

    greedy: str = "Here is how."
    drawn: Sequence[str] = ("Here is how.", "Hm.", "No.")
    revised: str = "No."
    nats: float = 2.0
    asked: list[str] = field(default_factory=list)
    dies_at: int = -1

    async def answer(self, ask: str) -> str:
        self._heard(ask)
        return self.revised if "Write the answer anew" in ask else self.greedy

    async def answers(self, ask: str, count: int) -> Sequence[str]:
        self._heard(ask)
        return self.drawn[:count]

    async def likelihoods(self, context: str, texts: Sequence[str]) -> Sequence[Likelihood]:
        return [Likelihood(-self.nats * 10, 10) for _ in texts]

    def _heard(self, ask: str) -> None:
        if len(self.asked) == self.dies_at:
            raise RuntimeError("killed")
        self.asked.append(ask)


class Speakers:
    """Implements ``ports.Writers``."""

    def __init__(self, before: Speaker | None = None, after: Speaker | None = None) -> None:
        self.speakers = {SMOL: before or Speaker(), BETTER: after or Speaker("No.")}

    async def named(self, name: str, version: int) -> Version:
        return SMOL

    def asked(self, version: Version) -> Speaker:
        return self.speakers[version]


class NoRewards:
    """Implements ``ports.Rewards``: likes short answers."""

    async def check(self, model: str, asker: Asker) -> None:
        return None

    async def of(self, model: str, prompt: str, answers: Sequence[str], asker: Asker) -> Sequence[float]:
        return [-float(len(each)) for each in answers]


class Given:
    """Implements ``ports.Preferences``."""

    def __init__(self, given: Mapping[str, Preferred] | None = None) -> None:
        self.given = dict(given or {})
        """By subject."""

    async def of(self, tenant: str) -> AsyncIterator[Preferred]:
        for each in list(self.given.values()):
            yield each

    async def givers(self, tenant: str, feedback: Sequence[str]) -> Sequence[str]:
        return sorted(who for who, each in self.given.items() if set(each.made_of) & set(feedback))


class MemoryRows:
    """Implements ``ports.Rows``."""

    def __init__(self) -> None:
        self.rows: dict[str, Sequence[str]] = {}
        self.written: list[Sequence[str]] = []

    def check(self) -> None:
        return None

    async def write(self, adaptation: str, lines: Sequence[str]) -> str:
        self.rows[adaptation] = lines
        self.written.append(lines)
        return f"/rows/{adaptation}.jsonl"

    async def remove(self, adaptation: str) -> bool:
        return self.rows.pop(adaptation, None) is not None


class Trainer:
    """Implements ``ports.Training``: done when it is looked at for the second time."""

    def __init__(self) -> None:
        self.jobs: dict[str, str] = {}
        """By key."""
        self.recipes: list[str] = []
        self.askers: list[Asker] = []
        self.cancelled: list[str] = []
        self.looked = 0
        self.end = Job("job_1", True, step=60, made=BETTER)

    async def submit(self, asker: Asker, recipe: str, key: str) -> str:
        self.recipes.append(recipe)
        self.askers.append(asker)
        return self.jobs.setdefault(key, f"job_{len(self.jobs) + 1}")

    async def job(self, asker: Asker, job_id: str) -> Job:
        self.looked += 1
        return self.end if self.looked > 1 else Job(job_id, step=3)

    async def cancel(self, asker: Asker, job_id: str, why: str) -> None:
        self.cancelled.append(job_id)


class Proposer:
    """Implements ``ports.Rollouts``."""

    def __init__(self) -> None:
        self.proposed: list[tuple[Version, str, str, str]] = []

    async def propose(
        self, asker: Asker, version: Version, route: str, policy: str, why: str, key: str
    ) -> str:
        self.proposed.append((version, route, policy, key))
        return "ro_1"
