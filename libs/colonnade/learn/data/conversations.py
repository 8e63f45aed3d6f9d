"""Data for instruction tuning: JSON lines to samples.

A line is ``{"messages": [{"role", "content"}, ...]}``, where an assistant's message may have ``"weight": 0``
so that it is not learnt, or ``{"prompt", "answer"}``. Files, globs and URLs are read as a text source's are.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import numpy as np
from pydantic import Field

from colonnade.errors import ColonnadeError, InvalidArgument
from colonnade.learn.data.batches import Sample
from colonnade.learn.data.chat_format import ASSISTANT, ChatFormat, Turn
from colonnade.learn.data.samples import HeldSamples
from colonnade.learn.data.source_settings import Paths, SourceName, TextSource
from colonnade.learn.data.sources.text import TextFiles
from colonnade.learn.fields import SettingsModel
from colonnade.security.inputs import JsonLimits, parse_object

ROLES = ("system", "user", ASSISTANT, "tool")
MAX_LINE_BYTES = 16 << 20
MALFORMED, TOO_LONG = "malformed", "too_long"
_LIMITS = JsonLimits(max_bytes=MAX_LINE_BYTES)
T = TypeVar("T")


class LineSettings(SettingsModel):
    """Files of examples, one a line."""

    name: SourceName = Field(description="What the source is called in reports.")
    paths: Paths = Field(description="Files, globs or URLs of JSON lines, packed (.gz, .zst) or not.")
    split: Literal["hashed", "train", "validation"] = Field(
        default="hashed",
        description="hashed: the hash of what is asked decides. train, validation: all of it is for that.",
    )
    longest: int = Field(ge=2, le=1 << 20, description="Most tokens of an example.")
    too_long: Literal["drop", "cut", "refuse"] = Field(
        default="drop",
        description="A longer example: leave it out, cut it at the end (its last answer then has no end), or"
        " stop.",
    )
    malformed: Literal["refuse", "drop"] = Field(
        default="refuse", description="A line that is no example: stop and say where, or leave it out."
    )


@dataclass(frozen=True, slots=True)
class Conversations:
    samples: HeldSamples
    dropped: Mapping[str, int]
    """Lines that were left out, by reason."""


def read_conversations(settings: LineSettings, chat: ChatFormat) -> Conversations:
    """All examples of the files, in memory. Raises ``InvalidArgument`` naming file and line."""
    dropped: Counter[str] = Counter()
    lines = examples(settings, dropped, lambda line: fitted(conversation_of(line, chat), settings))
    return Conversations(HeldSamples(lines), dropped)


def examples(
    settings: LineSettings, dropped: Counter[str], make: Callable[[dict[str, Any]], T | str]
) -> Iterator[T]:
    """What ``make`` makes of each line, but for those of which it says, as text, why they are left out."""
    source = TextFiles(
        TextSource(
            name=settings.name, paths=settings.paths, unit="line", largest_document_bytes=MAX_LINE_BYTES
        )
    )
    for document in source.read():
        try:
            if document.dropped:
                raise InvalidArgument(f"a line has at most {MAX_LINE_BYTES} bytes", limit=MAX_LINE_BYTES)
            made = make(parse_object(document.text.encode(), _LIMITS, "line"))
        except ColonnadeError as error:
            if settings.malformed == "refuse":
                where = f"{source.files[document.place.file].name}, line {document.place.item + 1}"
                raise InvalidArgument(
                    f"source {settings.name}: {where}: {error.message}", **error.details
                ) from error
            made = MALFORMED
        if isinstance(made, str):
            dropped[made] += 1
        else:
            yield made


def fitted(sample: Sample, settings: LineSettings) -> Sample | str:
    """The sample within ``longest`` tokens, or why it is left out."""
    if sample.tokens.size <= settings.longest:
        return sample
    if settings.too_long == "refuse":
        raise InvalidArgument(
            f"the example has {sample.tokens.size} tokens, the limit is {settings.longest}; shorten it, raise"
            " longest, or set too_long to drop or cut", field="longest", limit=settings.longest,
        )  # fmt: skip
    cut = Sample(sample.tokens[: settings.longest], sample.learnt[: settings.longest])
    return cut if settings.too_long == "cut" and bool(np.any(cut.learnt)) else TOO_LONG


def turns_of(line: Mapping[str, Any], name: str) -> list[Turn]:
    """Messages as they stand in a line, checked."""
    messages = line.get(name)
    if not isinstance(messages, list) or not messages:
        raise InvalidArgument(f"{name} must be a list of messages", field=name)
    return [_turn(message, f"{name}[{number}]") for number, message in enumerate(messages)]


def text_of(line: Mapping[str, Any], name: str) -> str:
    value = line.get(name)
    if not isinstance(value, str):
        raise InvalidArgument(f"{name} must be a text", field=name)
    return value


def conversation_of(line: dict[str, Any], chat: ChatFormat) -> Sample:
    """What one line holds."""
    if "messages" in line:
        return chat.conversation(turns_of(line, "messages"))
    if "prompt" in line:
        return chat.answered(text_of(line, "prompt"), text_of(line, "answer"))
    raise InvalidArgument("an example has messages, or prompt and answer", field="messages")


def _turn(message: object, where: str) -> Turn:
    if not isinstance(message, dict):
        raise InvalidArgument(f"{where} must be an object", field=where)
    if unknown := sorted(message.keys() - {"role", "content", "weight"}):
        raise InvalidArgument(
            f"{where}.{unknown[0]} is not known here; write all that the model is to see into content",
            field=where,
        )
    if message.get("role") not in ROLES:
        raise InvalidArgument(f"{where}.role must be one of {', '.join(ROLES)}", field=f"{where}.role")
    if not isinstance(message.get("content"), str):
        raise InvalidArgument(f"{where}.content must be a text", field=f"{where}.content")
    if message.get("weight", 1) not in (0, 1):
        raise InvalidArgument(f"{where}.weight must be 0 or 1", field=f"{where}.weight")
    return Turn(message["role"], message["content"], bool(message.get("weight", 1)))
