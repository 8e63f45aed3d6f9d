"""Templates of presidio-evaluator, filled in, with where everything is."""

import re
from collections.abc import Iterator, Sequence

from evidence.claims.guard.packages import lines
from evidence.claims.pii.faking import Faking
from evidence.claims.pii.kinds import CLAIMED, FIELDS, POSSIBLE
from evidence.claims.pii.text import Place, Text

_TEMPLATES = "presidio_evaluator/data_generator/raw_data/templates.txt"
_FIELD = re.compile(r"{{(\w+)}}")
LOCALES = {"en_US": "US", "en_GB": "GB"}
"""The regions of which the phone scorer reads numbers without a country code."""
EACH = 150
"""Texts with each kind that patterns claim."""


def filled(seed: int) -> list[Text]:
    """Every template once, and ``EACH`` with each claimed kind."""
    faking = Faking(seed)
    return [_fill(template, faking) for template in _chosen(templates())]


def templates() -> list[str]:
    return [line.replace("\\n", "\n") for line in lines("presidio-evaluator", _TEMPLATES)]


def _chosen(every: Sequence[str]) -> Iterator[str]:
    yield from every
    for kind in CLAIMED:
        having = [each for each in every if kind in map(FIELDS.get, _FIELD.findall(each))]
        yield from (having[place % len(having)] for place in range(EACH))


def _fill(template: str, faking: Faking) -> Text:
    locale = faking.chance.choice(list(LOCALES))
    text, places, last = "", [], 0
    for match in _FIELD.finditer(template):
        text += template[last : match.start()]
        last = match.end()
        value = faking.value(match[1], locale)
        if kind := FIELDS.get(match[1]):
            _, possible = POSSIBLE.get(kind, ("", None))
            known = possible is None or possible(value, LOCALES[locale])
            places.append(Place(kind, len(text), len(text) + len(value), known))
        text += value
    return Text(text + template[last:], tuple(places))
