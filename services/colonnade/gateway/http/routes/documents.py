"""``/memory/documents``: texts that are kept whole, and found by their pieces.

A body is the document itself, passed on as it arrives and held nowhere. What is said about it stands in
headers: a name and a subject may be personal, and URLs are written into logs on their way; a form would put
them behind the first bytes of the file, and the memory service wants them before. Ids are random and may
stand in a URL."""

import time
from typing import Annotated, Any
from urllib.parse import unquote

from fastapi import APIRouter, Header, Path, Query, Request, Response

from colonnade.errors import ColonnadeError, InvalidArgument
from colonnade.gateway.domain.exchange import Caller
from colonnade.gateway.domain.limits import MEMORY_ID_BYTES, Range
from colonnade.gateway.domain.memory import NewDocument
from colonnade.gateway.http import wire_memories as told
from colonnade.gateway.http.body import arriving, check_media_type
from colonnade.gateway.http.openai.naming import rename
from colonnade.gateway.http.route import GuardedRoute, exchange_of, gateway_of, options_of
from colonnade.gateway.http.routes.models import IdempotencyKey
from colonnade.gateway.http.wire_memory import memory_id, page_of
from colonnade.gateway.service.stages import speak_for
from colonnade.security.inputs import check_text, idempotency_key, subject_name
from colonnade.security.inputs.catalogue import MAX_PAGE_SIZE

router = APIRouter(route_class=GuardedRoute, tags=["memory"])
_NAME, _SUBJECT, _SHARED = "x-document-name", "x-memory-subject", "x-document-shared"
_NAMES = {"name": _NAME, "shared": _SHARED, "media_type": "content-type", "content": "body"}
"""What the memory service's fields are called in an upload."""
_NAME_BYTES = 512
_PLACE = Range(0, 2**62)
_TYPES = ("text/plain", "text/markdown", "text/html", "application/pdf")
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {kind: {"schema": {"type": "string", "format": "binary"}} for kind in _TYPES},
    }
}
_Subject = Annotated[
    str | None,
    Header(alias=_SUBJECT, description="Whose, percent-encoded UTF-8. Default: the key's own subject."),
]
_Id = Annotated[str, Path(alias="id", max_length=MEMORY_ID_BYTES, description="As the list has it.")]


@router.post("/memory/documents", status_code=201, response_model=told.Document, openapi_extra=_BODY)
async def add_document(
    request: Request,
    name: Annotated[str, Header(alias=_NAME, description="Percent-encoded UTF-8, 512 bytes at most.")],
    shared: Annotated[
        str, Header(alias=_SHARED, description="true: the tenant's; false: the subject's alone.")
    ] = "false",
    subject: _Subject = None,
    key: IdempotencyKey = None,
) -> told.Document:
    """Keeps a document: the body, of the type that `Content-Type` says."""
    options, exchange = options_of(request), exchange_of(request)
    media_type = check_media_type(request.headers, options.max_document_bytes)
    new = NewDocument(
        check_text(_text(name, _NAME), _NAME, _NAME_BYTES, controls="line"),
        media_type,
        _flag(shared),
        idempotency_key(key) if key is not None else "",
    )
    exchange.deadline = time.monotonic() + options.upload_seconds
    content = arriving(request.receive, options.upload_seconds, options.max_document_bytes)
    memory, caller = gateway_of(request).memory, _caller(request, subject)
    try:
        return told.Document.of(await memory.add_document(caller, new, content))
    except ColonnadeError as error:
        rename(error, _NAMES)
        raise


@router.get("/memory/documents", response_model=told.Documents)
async def list_documents(
    request: Request,
    page_size: Annotated[
        int | None,
        Query(description="Default 50.", json_schema_extra={"minimum": 1, "maximum": MAX_PAGE_SIZE}),
    ] = None,
    page_token: Annotated[str, Query(description="From the answer before.")] = "",
    subject: _Subject = None,
) -> told.Documents:
    """The subject's documents and those that the tenant shares, newest first."""
    page = page_of(page_size, page_token)
    found = await gateway_of(request).memory.documents(_caller(request, subject), *page)
    documents = [told.Document.of(each) for each in found.documents]
    return told.Documents(documents=documents, next_page_token=found.next_page)


@router.get("/memory/documents/{id}", response_model=told.Passage)
async def get_document(
    request: Request,
    document_id: _Id,
    start: Annotated[int, Query(description="In characters of its text.")] = 0,
    end: Annotated[int, Query(description="The same; 0: 10,000 characters on.")] = 0,
    subject: _Subject = None,
) -> told.Passage:
    """A document, with a part of its text."""
    _PLACE.check("start", start)
    _PLACE.check("end", end)
    if end and end < start:
        raise InvalidArgument("end must not be before start", field="end", limit=start)
    memory, caller = gateway_of(request).memory, _caller(request, subject)
    return told.Passage.of(await memory.document(caller, memory_id(document_id, "id"), start, end))


@router.delete("/memory/documents/{id}", status_code=204, response_model=None)
async def delete_document(request: Request, document_id: _Id, subject: _Subject = None) -> Response:
    """Erases a document and all its pieces."""
    memory, caller = gateway_of(request).memory, _caller(request, subject)
    await memory.delete_document(caller, memory_id(document_id, "id"))
    return Response(status_code=204)


def _caller(request: Request, subject: str | None) -> Caller:
    """As whom memory is asked."""
    exchange = exchange_of(request)
    if subject is not None:
        speak_for(exchange, subject_name(_text(subject, _SUBJECT), _SUBJECT), _SUBJECT)
    return exchange.caller


def _text(value: str, header: str) -> str:
    """Of a header, which holds ASCII alone."""
    try:
        if value.isascii():
            return unquote(value, errors="strict")
    except UnicodeDecodeError:
        pass  # refused below, as what is not encoded is
    raise InvalidArgument(f"{header} must be percent-encoded UTF-8, as in caf%C3%A9.txt", field=header)


def _flag(value: str) -> bool:
    if value.lower() not in ("true", "false"):
        raise InvalidArgument(f"{_SHARED} must be true or false", field=_SHARED)
    return value.lower() == "true"
