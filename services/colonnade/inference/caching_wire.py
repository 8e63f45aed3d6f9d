"""Which requests the caches may answer, and what makes two of them the same."""

import re
from collections.abc import Mapping

from colonnade.api.generation.v1.generation_pb2 import Generation
from colonnade.api.inference.v1 import inference_pb2 as wire
from colonnade.errors import InvalidArgument
from colonnade.inference.caches.answers import CacheFigures
from colonnade.inference.caches.keys import fingerprint
from colonnade.inference.domain import Caching, Near, Place

MAX_QUESTION_CHARACTERS = 2000
"""Of a text that is compared by its embedding: more says more than one embedding can."""
_NUMBERS = re.compile(r"\d+")


class CacheKeys:
    def __init__(self, thresholds: Mapping[str, float]) -> None:
        """``thresholds``: of the models that have a semantic cache, by their names."""
        self.thresholds = thresholds

    def of(self, request: wire.GenerateRequest, tenant: str, deadline: float | None) -> Caching | None:
        """None where no kept answer may be given: answers that are drawn at random are meant to differ."""
        asked, sampling = request.caching, request.generation.sampling
        if asked.off or (sampling.temperature and not sampling.HasField("seed")):
            return None
        generation = request.generation
        shaping = _shaping(generation)
        ends = (tenant.encode(), asked.policy_version.encode())
        key = fingerprint((b"same", *ends, _canonical(shaping)))
        return Caching(
            Place(tenant, generation.model.digest, key),
            refresh=asked.refresh,
            near=None if asked.personal else self._near(shaping, generation.model.name, ends),
            answers=max(1, generation.n),
            deadline=deadline,
            priority=generation.priority,
        )

    def _near(self, shaping: Generation, model: str, ends: tuple[bytes, bytes]) -> Near | None:
        """Changes ``shaping``."""
        threshold = self.thresholds.get(model)
        if threshold is None or (text := _question(shaping)) is None:
            return None
        numbers = " ".join(_NUMBERS.findall(text)).encode()
        return Near(fingerprint((b"near", *ends, _canonical(shaping), numbers)), text, threshold)


def thresholds_of(setting: str) -> dict[str, float]:
    """``"faq=0.95,tiny=0.9"``; ``InvalidArgument`` for anything else."""
    found: dict[str, float] = {}
    for part in filter(None, (each.strip() for each in setting.split(","))):
        name, _, number = part.partition("=")
        try:
            value = float(number)
        except ValueError:
            value = 0.0
        if not name.strip() or not 0 < value <= 1:
            raise InvalidArgument(
                "COLONNADE_INFERENCE_SEMANTIC_CACHE must be names of models with similarities above 0 and up "
                f"to 1, such as faq=0.95,help=0.97; {part!r} is not",
                field="COLONNADE_INFERENCE_SEMANTIC_CACHE",
                limit=1,
            )
        found[name.strip()] = value
    return found


def stats_of(figures: CacheFigures | None, thresholds: Mapping[str, float]) -> wire.GetCacheResponse:
    if figures is None:
        return wire.GetCacheResponse()
    store = figures.store
    return wire.GetCacheResponse(
        store=store.name,
        answers=store.answers,
        bytes=store.size_bytes,
        max_bytes=store.max_bytes,
        evictions=store.evictions,
        hits=figures.hits,
        semantic_hits=figures.semantic_hits,
        joined=figures.joined,
        misses=figures.misses,
        semantic_questions=figures.questions,
        thresholds=thresholds,
    )


def _shaping(generation: Generation) -> Generation:
    """What shapes the answer: all but names, urgency and where it runs. A field that is added to the contract
    makes a difference unless it is left out here."""
    shaping = Generation()
    shaping.CopyFrom(generation)
    for name in ("request_id", "priority", "session"):
        shaping.ClearField(name)
    shaping.model.ClearField("name")  # the digest says it
    shaping.model.ClearField("version")
    return shaping


def _canonical(generation: Generation) -> bytes:
    """The same bytes for the same message, others for every other one: they can be read back."""
    return generation.SerializeToString(deterministic=True)


def _question(shaping: Generation) -> str | None:
    """Takes the text that is compared out of the request; None where its very words count."""
    if shaping.structure.HasField("calls"):
        return None
    if shaping.WhichOneof("input") == "prompt":
        text, shaping.prompt = shaping.prompt, ""
    elif shaping.WhichOneof("input") == "chat" and _plain(shaping):
        last = shaping.chat.messages[-1]
        text, last.content = last.content, ""
    else:
        return None
    return text if 0 < len(text) <= MAX_QUESTION_CHARACTERS else None


def _plain(shaping: Generation) -> bool:
    """A conversation without tools, in which the user has the last word."""
    messages = shaping.chat.messages
    if not messages or messages[-1].role != "user" or shaping.chat.tools:
        return False
    return not any(each.role == "tool" or each.tool_calls for each in messages)
