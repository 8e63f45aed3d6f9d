"""All text of a request that gets into a prompt: by the caller's own fields, and with masks put in."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from colonnade.gateway.domain.generation import GenerationSpec, Message
from colonnade.gateway.domain.guarding import Decision
from colonnade.gateway.service.guard.json_text import Form, Place, maskable, replacement_in

MEMORY = "memory"
_BETWEEN = "\n\n"
"""Parts are judged together: what is split over two messages is read by a model as one."""
_TEXT, _JSON = Form(), Form(json=True)


@dataclass(frozen=True, slots=True)
class Part:
    field: str
    text: str
    form: Form = _TEXT


def parts_of(spec: GenerationSpec, own: GenerationSpec) -> list[Part]:
    """In the prompt's order. ``own`` is the request as it came, before memory added to it."""
    if spec.messages is None:
        return _with_memory("prompt", spec.prompt or "", own.prompt or "", in_front=True)
    parts = []
    for field, message, said in _placed(spec.messages, own.messages or ()):
        parts += _with_memory(f"{field}.content" if field else "", message.content, said)
        for at, call in enumerate(message.tool_calls):
            parts.append(Part(f"{field}.tool_calls[{at}].function.arguments", call.arguments, _JSON))
    for at, tool in enumerate(spec.offered):
        parts.append(Part(f"tools[{at}].function.description", tool.description))
        parts.append(Part(f"tools[{at}].function.parameters", tool.parameters, _JSON))
    return parts


def joined(parts: Sequence[Part]) -> str:
    return _BETWEEN.join(part.text for part in parts)


def located(decision: Decision, parts: Sequence[Part]) -> Decision:
    """With the field that it is about, and its place in that."""
    for part, start in _starts(parts):
        if decision.start < start + len(part.text) + len(_BETWEEN):
            begin = min(max(0, decision.start - start), len(part.text))
            end = min(decision.end - start, len(part.text))
            return replace(decision, field=part.field, start=begin, end=max(begin, end))
    return decision


def masked(parts: Sequence[Part], masks: Sequence[Decision]) -> list[str] | Decision:
    """The texts of all parts with what is masked replaced; or the first mask that cannot be put in."""
    texts = []
    for part, start in _starts(parts):
        text = part.text
        for mask in reversed(masks):  # from behind, so that places stay
            begin, end = max(0, mask.start - start), min(len(part.text), mask.end - start)
            if begin >= end:
                continue
            first = Place.first(part.form)
            found = maskable(first, part.text, begin, end) if not part.form.free else (begin, end)
            if found is None:
                return mask
            instead = mask.replacement if mask.start >= start else ""
            instead = replacement_in(first, part.text, found[0], instead)
            text = text[: found[0]] + instead + text[found[1] :]
        texts.append(text)
    return texts


def with_texts(spec: GenerationSpec, parts: Sequence[Part], texts: Sequence[str]) -> GenerationSpec:
    """``spec`` with the texts of its parts replaced."""
    new = _Texts(parts, texts)
    if spec.messages is None:
        return replace(spec, prompt=new.rest(), prompt_tokens=None)
    messages = tuple(
        replace(
            message,
            content=new.content(len(message.content)),
            tool_calls=tuple(replace(call, arguments=new.next()) for call in message.tool_calls),
        )
        for message in spec.messages
    )
    changed = [replace(tool, description=new.next(), parameters=new.next()) for tool in spec.offered]
    return replace(spec, messages=messages, tools=tuple(changed) if changed else spec.tools)


def guided(spec: GenerationSpec, guidance: str) -> GenerationSpec:
    """What is asked of a model whose answer was thrown away: models know one system message, the first."""
    if spec.messages is None:
        return replace(spec, prompt=f"{guidance}\n\n{spec.prompt or ''}")
    first, *others = spec.messages or (Message("system", ""),)
    if first.role != "system":
        return replace(spec, messages=(Message("system", guidance), *spec.messages))
    told = replace(first, content=f"{first.content}\n\n{guidance}")
    return replace(spec, messages=(told, *others))


class _Texts:
    """New texts, taken in the order of the old ones."""

    def __init__(self, parts: Sequence[Part], texts: Sequence[str]) -> None:
        self._pairs = iter(list(zip(parts, texts, strict=True)))

    def next(self) -> str:
        return next(self._pairs)[1]

    def rest(self) -> str:
        return "".join(text for _, text in self._pairs)

    def content(self, length: int) -> str:
        """Of a message that was so long: of one part, or of two where memory added to it."""
        part, text = next(self._pairs)
        return text if len(part.text) == length else text + self.next()


def _starts(parts: Sequence[Part]) -> Iterator[tuple[Part, int]]:
    start = 0
    for part in parts:
        yield part, start
        start += len(part.text) + len(_BETWEEN)


def _with_memory(field: str, text: str, own: str, *, in_front: bool = False) -> list[Part]:
    """One part, or two where memory added to what the caller said; those of a prompt touch each other."""
    if not field:
        return [Part(MEMORY, text)]
    added = len(text) - len(own)
    if added <= 0:
        return [Part(field, text)]
    if in_front:
        return [Part(MEMORY, text[:added]), Part(field, own)]
    return [Part(field, own), Part(MEMORY, text[len(own) :])]


def _placed(messages: Sequence[Message], own: Sequence[Message]) -> Iterator[tuple[str, Message, str]]:
    """Each message with its field in the request, and what the caller said in it; no field: memory's own.

    Memory adds to the first system message, or adds one, and puts turns behind all of these."""
    leading, led = _leading(messages), _leading(own)
    kept = len(own) - led
    for at, message in enumerate(messages):
        if at >= len(messages) - kept:
            theirs: int | None = at - len(messages) + len(own)
        else:
            theirs = at if at < led and leading == led else None
        yield (
            (f"messages[{theirs}]", message, own[theirs].content) if theirs is not None else ("", message, "")
        )


def _leading(messages: Sequence[Message]) -> int:
    """How many system messages stand in front."""
    return next((at for at, each in enumerate(messages) if each.role != "system"), len(messages))
