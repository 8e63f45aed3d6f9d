"""What memory is worth: how often it finds the passage that a question is about, and how much better a small
model answers with it.

Finding: people's own questions (BoolQ) among some thousand passages of Wikipedia, kept through the public
door; beside what is found, what words alone and vectors alone would have. Answering: facts of countries,
asked of the bundled model as it is, with what memory recalls of the countries' texts, and, as the most that
memory could do, with the very section that holds the answer.
"""

import random
import time
from collections.abc import Callable, Iterable, Mapping, Sequence

from colonnade.client import Colonnade
from colonnade.client.results.memory import Hit
from evidence.performance.batch import OURS
from evidence.performance.figures import Sample, figure
from evidence.performance.memories.questions import Asked, Country, Fact, boolq, countries, said
from evidence.performance.result import Result, Table, claim
from evidence.performance.statistics import Spread
from evidence.performance.suite import Suite
from tests.harness.platform import eventually, running

TITLE = "Answers with memory"
PASSAGES, QUESTIONS, FACTS = 3000, 500, 120
WITHOUT, WITH, GIVEN = "without memory", "with memory", "with the right section given"
_PLACES = (1, 5)
_SECTION_CHARACTERS = 4000
TOKENS = 32


def run(suite: Suite) -> Result:
    began = time.monotonic()
    suite.tell("  starting the platform")
    with running(
        COLONNADE_ENGINE_THREADS=str(suite.threads), COLONNADE_MEMORY_EMBED_SECONDS="30"
    ) as platform:
        log = platform.home / "up.log"
        eventually(lambda: "Stop " in log.read_text(), 300, "the bundled models are imported")
        with Colonnade(platform.url, timeout=120) as client:
            found = _finding(suite, client)
            answered = _answering(suite, client)
    engine = suite.engines()[OURS]
    figures = [
        figure(engine, "recall@5", [Sample(found[name][5], 0.0)], name=name) for name in found
    ] + [
        figure(engine, "of the answers right", [Sample(share, seconds)], name=name)
        for name, (share, seconds) in answered.items()
    ]  # fmt: skip
    gained = Spread.of([answered[WITH][0] - answered[WITHOUT][0]])
    claims = [
        claim("memory finds at least as well as the better of its two parts", "hybrid", "words, vectors",
              Spread.of([found["hybrid"][5] / max(found["words alone"][5], found["vectors alone"][5])]),
              at_least=1.0),
        claim("answers are right more often with memory than without", WITH, WITHOUT, gained, at_least=0.0),
    ]  # fmt: skip
    what = (
        f"{QUESTIONS} questions among {PASSAGES} passages; {FACTS} facts of {len(countries())} countries, "
        f"{TOKENS} greedy tokens, 5 hits recalled"
    )
    return suite.result(
        "memory_answers", TITLE, figures, claims, rounds=1, began=began, what=what, tables=[_table(found)]
    )


def _finding(suite: Suite, client: Colonnade) -> dict[str, dict[int, float]]:
    """Recall by way of searching, at each number of places."""
    passages, asked = boolq(PASSAGES, QUESTIONS)
    for number, passage in enumerate(passages):
        if number % 500 == 0:
            suite.tell(f"  remembering {number} of {len(passages)}")
        client.memory.remember(passage, subject="reader")
    suite.tell(f"  asking {len(asked)} questions")
    ranks: dict[str, list[int | None]] = {"hybrid": [], "words alone": [], "vectors alone": []}
    for each in asked:
        hits = client.memory.search(each.question, limit=20, subject="reader").hits
        for name, rank in _ranks(hits, each).items():
            ranks[name].append(rank)
    return {
        name: {places: _share(rank is not None and rank <= places for rank in of) for places in _PLACES}
        for name, of in ranks.items()
    }


def _ranks(hits: Sequence[Hit], asked: Asked) -> dict[str, int | None]:
    place = next((place for place, hit in enumerate(hits, 1) if hit.memory.text == asked.passage), None)
    why = hits[place - 1].why if place else None
    return {
        "hybrid": place,
        "words alone": why.word_rank if why else None,
        "vectors alone": why.vector_rank if why else None,
    }


def _answering(suite: Suite, client: Colonnade) -> dict[str, tuple[float, float]]:
    """The share of right answers, and seconds an answer."""
    world = countries()
    _documents(suite, client, world)
    facts = random.Random(0).sample([fact for country in world for fact in country.facts], FACTS)
    asks: Mapping[str, Callable[[Fact], str]] = {
        WITHOUT: lambda fact: _plain(client, fact.question),
        WITH: lambda fact: _recalled(client, fact.question),
        GIVEN: lambda fact: _plain(client, f"{_around(fact)}\n\n{fact.question}"),
    }
    right: dict[str, list[bool]] = {name: [] for name in asks}
    seconds = dict.fromkeys(asks, 0.0)
    for number, fact in enumerate(facts):
        if number % 20 == 0:
            suite.tell(f"  answering {number} of {FACTS}")
        for name, ask in asks.items():
            began = time.perf_counter()
            right[name].append(said(fact.answer, ask(fact)))
            seconds[name] += time.perf_counter() - began
    return {name: (_share(of), seconds[name] / len(facts)) for name, of in right.items()}


def _documents(suite: Suite, client: Colonnade, world: Sequence[Country]) -> None:
    suite.tell(f"  adding {len(world)} documents")
    for country in world:
        client.memory.documents.add(country.text.encode(), name=f"{country.name}.md", subject="geographer")
    suite.tell("  waiting until all can be found by what they mean")

    def embedded() -> bool:
        return all(
            each.embedded == each.chunks for each in client.memory.documents.list(subject="geographer")
        )

    eventually(embedded, 1800, "all pieces are embedded")


def _plain(client: Colonnade, text: str) -> str:
    asked = [{"role": "user", "content": text}]
    return client.generate(messages=asked, max_tokens=TOKENS, temperature=0.0).text


def _recalled(client: Colonnade, question: str) -> str:
    asked = [{"role": "user", "content": question}]
    return client.generate(
        messages=asked, max_tokens=TOKENS, temperature=0.0, user="geographer",
        memory={"recall": {"limit": 5}},
    ).text  # fmt: skip


def _around(fact: Fact) -> str:
    """So much of the section around the answer as a small context holds."""
    at = max(0, fact.section.find(fact.answer) - _SECTION_CHARACTERS // 2)
    return fact.section[at : at + _SECTION_CHARACTERS]


def _share(of: Iterable[bool]) -> float:
    every = list(of)
    return sum(every) / len(every)


def _table(found: Mapping[str, Mapping[int, float]]) -> Table:
    rows: list[list[str | float | int]] = [
        [name, *(round(by[places], 3) for places in _PLACES)] for name, by in found.items()
    ]
    return Table(title="Finding the passage", columns=["way", *(f"recall@{n}" for n in _PLACES)], rows=rows)
