"""What a generation may ask of memory."""

from colonnade.errors import InvalidArgument
from colonnade.gateway.domain.generation import GenerationSpec
from colonnade.gateway.domain.limits import (
    MAX_RECALLED,
    MAX_RECALLED_DOCUMENTS,
    MEMORY_ID_BYTES,
    SESSION_BYTES,
    Range,
)
from colonnade.gateway.domain.memory import MemorySpec, RecallSpec
from colonnade.security.inputs import check_text

_LIMIT = Range(1, MAX_RECALLED)


def check_memory(spec: GenerationSpec, wanted: MemorySpec) -> None:
    """Raises ``InvalidArgument`` or ``TooLarge`` naming the field."""
    check_text(wanted.session, "memory.session", SESSION_BYTES, allow_empty=True, controls="line")
    if wanted.recall is None and not wanted.remember:
        _refuse("memory", "asks for nothing; set recall, remember or both")
    if spec.prompt_tokens is not None:
        _refuse("memory", "goes with text; send the prompt as text or as messages")
    if wanted.recall is not None:
        _check_recall(spec, wanted.recall)
    if wanted.remember:
        _check_remember(spec, wanted)


def asked_of(spec: GenerationSpec) -> str:
    """The last message of the user's, or the prompt."""
    if spec.messages is None:
        return spec.prompt or ""
    return next((each.content for each in reversed(spec.messages) if each.role == "user"), "")


def _check_recall(spec: GenerationSpec, recall: RecallSpec) -> None:
    _LIMIT.check("memory.recall.limit", recall.limit)
    if len(recall.documents) > MAX_RECALLED_DOCUMENTS:
        _refuse("memory.recall.documents", f"may name at most {MAX_RECALLED_DOCUMENTS} documents")
    for at, document in enumerate(recall.documents):
        check_text(document, f"memory.recall.documents[{at}]", MEMORY_ID_BYTES, controls="line")
    if not asked_of(spec).strip():
        _refuse("memory.recall", "looks for what the user says; send a message of the user's")


def _check_remember(spec: GenerationSpec, wanted: MemorySpec) -> None:
    if not wanted.session:
        _refuse("memory.session", "must name the session that is to remember the exchange")
    if spec.n > 1:
        _refuse("memory.remember", "goes with one answer: set n to 1, or remember one of them afterwards")
    if spec.tools or any(each.role == "tool" or each.tool_calls for each in spec.messages or ()):
        _refuse("memory.remember", "keeps what was said, not calls of tools; remember the outcome afterwards")
    if spec.messages is not None and spec.messages[-1].role != "user":
        _refuse("memory.remember", "keeps what the user says and the answer; the last message must be theirs")


def _refuse(field: str, rule: str) -> None:
    raise InvalidArgument(f"{field} {rule}", field=field)
