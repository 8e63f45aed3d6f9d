"""Models that are asked, with opinions of their own."""

from collections.abc import Callable, Sequence

from colonnade.ethics.bias.domain.reports import Version
from colonnade.ethics.bias.ports import Likelihood

SMOL = Version("smol", 1, f"sha256:{'1' * 64}")


class Opinionated:
    """Finds a text as likely as ``likes`` says, in nats a word."""

    def __init__(
        self, likes: Callable[[str], float], says: Callable[[str], str] = lambda ask: "Fine."
    ) -> None:
        self._likes, self._says = likes, says
        self.asked: list[tuple[str, tuple[str, ...]]] = []

    async def likelihoods(self, context: str, texts: Sequence[str]) -> Sequence[Likelihood]:
        self.asked.append((context, tuple(texts)))
        words = [len(text.split()) for text in texts]
        return [Likelihood(self._likes(context + text) * n, n) for text, n in zip(texts, words, strict=True)]

    async def answer(self, ask: str) -> str:
        return self._says(ask)


class OneModel:
    """Implements ``ports.Models``."""

    def __init__(self, model: Opinionated) -> None:
        self.model = model

    async def named(self, name: str, version: int) -> Version:
        return SMOL

    def asked(self, version: Version) -> Opinionated:
        assert version == SMOL
        return self.model
