"""A prompt with what was recalled: the session's turns where turns belong, the rest in a system message."""

from collections.abc import Sequence
from dataclasses import replace

from colonnade.gateway.domain.generation import GenerationSpec, Message
from colonnade.gateway.domain.memory import SPEAKERS, Citation, Memory, Recollection
from colonnade.gateway.service.recall.block import block_of, transcript_of
from colonnade.gateway.service.recall.bounds import RecallBounds

_OPEN_ENDED = 512
"""Tokens of an answer that may be as long as the context: few are."""


def shaped(
    spec: GenerationSpec, recalled: Recollection, bounds: RecallBounds, context: int
) -> tuple[GenerationSpec, tuple[Citation, ...], int]:
    """The request with what was recalled, the quotations in it, and how many turns.

    ``context`` is the version's, in tokens; 0: not known."""
    answer = min(spec.max_tokens, _OPEN_ENDED) if spec.open_ended else spec.max_tokens
    for_block, both = bounds.within(context, _length(spec), answer)
    given = {turn.id for turn in recalled.turns}
    hits = [hit for hit in recalled.found.hits if hit.memory.id not in given]
    block, citations = block_of(recalled.summary, hits, for_block)
    turns = _latest(recalled.turns, min(bounds.turn_characters, both - len(block)))
    if spec.messages is None:
        parts = [part for part in (block, transcript_of(turns)) if part]
        return replace(spec, prompt="\n\n".join([*parts, spec.prompt or ""])), citations, len(turns)
    return replace(spec, messages=_told(spec.messages, block, turns)), citations, len(turns)


def _told(messages: Sequence[Message], block: str, turns: Sequence[Memory]) -> tuple[Message, ...]:
    """Models know one system message, the first: what the request says there stands before the block."""
    leading = next((at for at, each in enumerate(messages) if each.role != "system"), len(messages))
    system, own = list(messages[:leading]), messages[leading:]
    if block and system:
        system[0] = replace(system[0], content=f"{system[0].content}\n\n{block}")
    elif block:
        system = [Message("system", block)]
    return (*system, *(Message(turn.role, turn.text) for turn in turns), *own)


def _latest(turns: Sequence[Memory], characters: int) -> Sequence[Memory]:
    """As many of the last as fit, from one of the user's on: templates begin a conversation with one."""
    begin = len(turns)
    for at, turn in reversed(list(enumerate(turns))):
        characters -= len(turn.text)
        if characters < 0 or turn.role not in SPEAKERS:
            break
        begin = at
    kept = turns[begin:]
    first = next((at for at, turn in enumerate(kept) if turn.role == "user"), len(kept))
    return kept[first:]


def _length(spec: GenerationSpec) -> int:
    if spec.messages is None:
        return len(spec.prompt or "")
    return sum(len(each.content) for each in spec.messages)
