"""The measure that most cases share: the same prompts, the same number of greedy tokens, tokens a second."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evidence.performance.alternation import alternate
from evidence.performance.engines.catalog import Engine
from evidence.performance.engines.process import EngineProcess, NotRun
from evidence.performance.figures import Sample, figure, missing
from evidence.performance.prompts import prompts
from evidence.performance.result import Figure
from evidence.performance.suite import Suite

UNIT = "tokens/s"


@dataclass(frozen=True, slots=True)
class Load:
    """What one sample is."""

    streams: int
    prompt: int
    tokens: int
    counted: int
    """Tokens of one stream that the figure counts: those generated, or those of the prompt."""

    @classmethod
    def generation(cls, streams: int, tokens: int, prompt: int = 16) -> "Load":
        return cls(streams, prompt, tokens, tokens)

    @classmethod
    def prefill(cls, prompt: int) -> "Load":
        """One request whose answer is one token: all its time is the prompt's."""
        return cls(1, prompt, 1, prompt)

    @property
    def who(self) -> str:
        return "1 stream" if self.streams == 1 else f"{self.streams} streams"

    def __str__(self) -> str:
        answer = "1 greedy token" if self.tokens == 1 else f"{self.tokens} greedy tokens each"
        return f"{self.who}, prompts of {self.prompt} tokens, {answer}"


def measure(
    suite: Suite,
    wanted: Sequence[Engine],
    load: Load,
    rounds: int,
    *,
    keep: Collection[str] | None = None,
    **options: Any,
) -> dict[str, Figure]:
    """Every engine's figure, by name; all engines get the same prompts in a round.

    With ``keep``, whoever is beaten twofold in the first round by another engine of its own maker has that
    round alone, unless it is named there. ``options`` are for the engines to start with."""
    running, refused = suite.started(wanted, **options)
    _warm(suite, running, refused, load)
    asked = [prompts(load.streams, load.prompt) for _ in range(rounds)]
    measures = {name: _sampler(process, load, asked) for name, process in running.items()}
    makers = {engine.name: engine.product.split()[0] for engine in wanted}

    def goes_on(name: str, first: Mapping[str, Sequence[Sample]]) -> bool:
        best = max(each[0].value for other, each in first.items() if makers[other] == makers[name])
        return keep is None or name in keep or 2 * first[name][0].value > best

    samples = alternate(measures, rounds, suite.tell, goes_on)
    versions = {name: str(each.call("describe").result["version"]) for name, each in running.items()}
    return {
        engine.name: figure(engine, UNIT, samples[engine.name], version=versions[engine.name])
        if engine.name in samples
        else missing(engine, UNIT, refused[engine.name])
        for engine in wanted
    }


def _warm(suite: Suite, running: dict[str, EngineProcess], refused: dict[str, str], load: Load) -> None:
    """A short answer from each, and whoever cannot give one is out."""
    for name in list(running):
        try:
            running[name].call(
                "generate", prompts=prompts(load.streams, load.prompt), tokens=min(4, load.tokens)
            )
        except NotRun as reason:
            suite.tell(f"  not run: {name}: {reason}")
            refused[name] = str(reason)
            del running[name]


def _sampler(
    process: EngineProcess, load: Load, asked: Sequence[Sequence[Sequence[int]]]
) -> Callable[[int], Sample]:
    def sample(index: int) -> Sample:
        answer = process.call("generate", prompts=asked[index], tokens=load.tokens)
        lengths = [len(tokens) for tokens in answer.result]
        assert lengths == [load.tokens] * load.streams, "an answer is not as long as asked"
        return Sample(load.streams * load.counted / answer.wall, answer.wall, answer.cpu)

    return sample


def best_peer(figures: Mapping[str, Figure]) -> Figure | None:
    """The peer with the highest median among those that ran in every round."""
    rounds = max(len(each.samples) for each in figures.values())
    peers = [each for each in figures.values() if each.product != "Colonnade" and len(each.samples) == rounds]
    return max(peers, key=lambda each: each.value.median if each.value else 0.0, default=None)
