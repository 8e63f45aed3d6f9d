"""Who looks for it: our patterns in a policy, Presidio by itself, and the scorer that asks Presidio."""

import asyncio
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import DEVNULL, PIPE, Popen
from typing import NamedTuple

from colonnade.ethics.domain.finding import Side
from colonnade.ethics.policies import policy_of
from colonnade.ethics.ports import Stretch
from colonnade.ethics.scorers import fast_scorers
from colonnade.ethics.scorers.presidio import MODEL, PresidioScorer
from colonnade.ethics.screening import Screening
from evidence.claims.pii.kinds import PRESIDIO
from evidence.claims.pii.text import Place
from evidence.performance.engines.process import ROOT

PYTHON = ROOT / ".peers" / "presidio" / "bin" / "python"
THRESHOLD = 0.5
"""A rule's default."""
_HERE = Path(__file__).parent


def by_patterns(texts: Sequence[str]) -> list[list[Place]]:
    """What the policy would mask."""
    policy = policy_of((_HERE / "policy.yaml").read_text())
    scorers = fast_scorers()

    async def one(text: str) -> list[Place]:
        verdict = await Screening(policy, scorers).screen(Side.OUTPUT, text, last=True)
        return [Place(each.category, each.span.start, each.span.end) for each in verdict.decisions]

    async def all_of_them() -> list[list[Place]]:
        return [await one(text) for text in texts]

    return asyncio.run(all_of_them())


class Entity(NamedTuple):
    entity_type: str
    start: int
    end: int
    score: float


@dataclass(frozen=True, slots=True)
class Presidio:
    """Asks the process, one text after the other."""

    process: "Popen[str]"

    def analyze(self, text: str, language: str, entities: list[str]) -> Sequence[Entity]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps({"text": text, "entities": entities}) + "\n")
        self.process.stdin.flush()
        return [Entity(*each) for each in json.loads(self.process.stdout.readline())]

    def by_itself(self, texts: Sequence[str], threshold: float) -> list[list[Place]]:
        """All that its own recognisers find of what our patterns claim."""
        return [
            [
                Place(PRESIDIO[each.entity_type], each.start, each.end)
                for each in self.analyze(text, "en", list(PRESIDIO))
                if each.score >= threshold
            ]
            for text in texts
        ]

    def in_its_scorer(self, texts: Sequence[str]) -> list[list[Place]]:
        """Names, places, groups and dates, unit by unit."""
        scorer = PresidioScorer(self)

        async def all_of_them() -> list[list[Place]]:
            scored = [await scorer.score(Stretch(text, 0, last=True), Side.OUTPUT) for text in texts]
            return [
                [Place(each.category, each.start, each.end) for each in one.found if each.score >= THRESHOLD]
                for one in scored
            ]

        return asyncio.run(all_of_them())


@contextmanager
def presidio() -> Iterator[Presidio]:
    """``make evidence-pii`` installs it."""
    command = [str(PYTHON), str(_HERE / "presidio_peer.py"), MODEL]
    with Popen(command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, text=True) as process:
        yield Presidio(process)
        assert process.stdin is not None
        process.stdin.close()
