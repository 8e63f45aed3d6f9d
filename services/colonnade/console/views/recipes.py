"""A recipe as it is written: the one to begin with, and where in it something is not right."""

import difflib
import re

EXAMPLE = """\
# A small transformer that learns from texts on the platform's machine. Every field: docs/training.md
name: plays
seed: 1

data:
  sources:
    - {kind: text, name: plays, paths: ["corpus/shakespeare/**/*.md"], unit: paragraph}
  tokenizer: {kind: train, vocabulary: 4096}

model:
  family: transformer
  preset: debug
  with: {context_length: 256}

batch: {tokens: 256, rows: 16}
steps: 400
optimiser: {name: adamw, learning_rate: 2e-3}
schedule: {kind: wsd, warm_up: 40}

evaluation: {every: 100, batches: 10, prompts: ["To be, or"]}
checkpoints: {every: 100}
"""
_MOST_LINES = 400


def place_of(recipe: str, field: str) -> str:
    """``line 12``, where ``recipe.steps`` stands; empty where it is not there. The first that has the name:
    a field that is looked for here is one of the outermost."""
    name = re.escape(field.removeprefix("recipe").removeprefix(".").partition(".")[0])
    found = re.search(rf"^{name}\s*:", recipe, re.MULTILINE) if name else None
    return f"line {recipe.count(chr(10), 0, found.start()) + 1}" if found else ""


def differing(one: str, other: str) -> list[str]:
    """The lines of two recipes that are not in both: ``- `` of the one, ``+ `` of the other."""
    mine, theirs = (recipe.splitlines()[:_MOST_LINES] for recipe in (one, other))
    lines = difflib.SequenceMatcher(None, mine, theirs).get_opcodes()
    return [
        f"{sign} {line}"
        for kind, begin, end, start, stop in lines
        if kind != "equal"
        for sign, some in (("-", mine[begin:end]), ("+", theirs[start:stop]))
        for line in some
    ]
