"""``/models/{name}/versions`` and ``/drafts``: versions in the making, and the files that versions have."""

import time
from collections.abc import AsyncGenerator
from pathlib import PurePosixPath
from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Request, Response

from colonnade.gateway.domain import models as domain
from colonnade.gateway.domain.limits import Range
from colonnade.gateway.http import wire_drafts as wire
from colonnade.gateway.http.body import arriving, check_raw
from colonnade.gateway.http.described import answers, streamed, texts
from colonnade.gateway.http.download import Download
from colonnade.gateway.http.ranges import part_of
from colonnade.gateway.http.route import GuardedRoute, exchange_of, gateway_of, options_of
from colonnade.gateway.http.routes.models import IdempotencyKey, Import
from colonnade.gateway.http.streaming import Answer
from colonnade.gateway.http.wire_models import IMPORT_EVENTS, Imported
from colonnade.security.inputs import check_count, idempotency_key, model_name, relative_artefact_path
from colonnade.security.inputs.catalogue import MAX_VERSION

router = APIRouter(route_class=GuardedRoute, tags=["models"])
OCTETS = "application/offset+octet-stream"
_MAX_FILES = 4096
_SIZE = Range(1, 2**50)
_OFFSET = Range(0, 2**50)
_NUMBER = Range(1, MAX_VERSION)
_Number = Annotated[int, Path(description="The version's number.")]
_Offset = Annotated[int, Header(alias="upload-offset", description="Where the piece begins.")]
_PIECE: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {OCTETS: {"schema": {"type": "string", "format": "binary"}}},
    }
}


@router.post("/models/{name}/versions", status_code=201, response_model=wire.Draft)
async def begin_version(
    request: Request, response: Response, name: str, body: wire.DraftBody, key: IdempotencyKey = None
) -> wire.Draft:
    """Reserves the model's next number, for files to be uploaded or a source to be imported."""
    order = body.order(model_name(name), idempotency_key(key) if key is not None else "")
    draft = await gateway_of(request).drafts.begin(exchange_of(request).caller, order)
    response.headers["location"] = f"/models/{draft.model}/drafts/{draft.number}"
    return wire.Draft.of(draft)


@router.get("/models/{name}/drafts", response_model=wire.Drafts)
async def list_drafts(request: Request, name: str) -> wire.Drafts:
    """Versions of a model that are in the making."""
    found = await gateway_of(request).drafts.list(exchange_of(request).caller, model_name(name))
    return wire.Drafts(drafts=[wire.Draft.of(draft) for draft in found])


@router.get("/models/{name}/drafts/{number}", response_model=wire.Draft)
async def get_draft(request: Request, name: str, number: _Number) -> wire.Draft:
    """How far a version in the making is."""
    caller = exchange_of(request).caller
    return wire.Draft.of(await gateway_of(request).drafts.get(caller, *_key(name, number)))


@router.delete("/models/{name}/drafts/{number}", status_code=204, response_model=None)
async def discard_draft(request: Request, name: str, number: _Number) -> Response:
    """Gives a draft up, with what was uploaded. Its number is not given again."""
    await gateway_of(request).drafts.discard(exchange_of(request).caller, *_key(name, number))
    return Response(status_code=204)


@router.put("/models/{name}/drafts/{number}/files", response_model=wire.DraftFiles)
async def announce_files(
    request: Request, name: str, number: _Number, body: wire.FilesBody
) -> wire.DraftFiles:
    """Announces files. What is there already, by its digest, is complete at once."""
    check_count(len(body.files), _MAX_FILES, "files")
    for file in body.files:
        _SIZE.check("files.size_bytes", file.size_bytes)
    exchange = exchange_of(request)
    exchange.deadline = time.monotonic() + options_of(request).upload_seconds
    files = [file.file() for file in body.files]
    found = await gateway_of(request).drafts.announce(exchange.caller, *_key(name, number), files)
    return wire.DraftFiles(files=[wire.DraftFile.of(file) for file in found])


@router.head("/models/{name}/drafts/{number}/files/{path:path}", status_code=204, response_model=None)
async def look_at_file(request: Request, name: str, number: _Number, path: str) -> Response:
    """How much of a file is there: `Upload-Offset` of `Upload-Length` bytes."""
    caller = exchange_of(request).caller
    file = await gateway_of(request).drafts.file(caller, *_key(name, number), _path(path))
    headers = {"upload-offset": str(file.received), "upload-length": str(file.size_bytes)}
    return Response(status_code=204, headers=headers)


@router.patch(
    "/models/{name}/drafts/{number}/files/{path:path}", response_model=wire.DraftFile, openapi_extra=_PIECE
)
async def write_file(
    request: Request, response: Response, name: str, number: _Number, path: str, offset: _Offset
) -> wire.DraftFile:
    """Appends to a file, from the offset that is there. What arrived stays, also of a broken request."""
    options, exchange = options_of(request), exchange_of(request)
    _OFFSET.check("upload-offset", offset)
    check_raw(request.headers, OCTETS, options.max_piece_bytes)
    exchange.deadline = time.monotonic() + options.upload_seconds
    chunks = arriving(request.receive, options.upload_seconds, options.max_piece_bytes)
    file = await gateway_of(request).drafts.write(
        exchange.caller, *_key(name, number), _path(path), offset, chunks
    )
    response.headers["upload-offset"] = str(file.received)
    return wire.DraftFile.of(file)


@router.post(
    "/models/{name}/drafts/{number}/seal",
    status_code=201,
    response_model=None,
    responses=answers(Imported, status=201) | streamed(IMPORT_EVENTS),
)
async def seal_draft(request: Request, name: str, number: _Number) -> Answer[domain.ImportProgress]:
    """Makes the version of what was uploaded. With `Accept: text/event-stream`, shows its progress."""
    exchange = exchange_of(request)
    exchange.deadline = time.monotonic() + options_of(request).import_seconds
    steps = gateway_of(request).drafts.seal(exchange.caller, *_key(name, number))
    return Answer(exchange, steps, Import(), stream="text/event-stream" in request.headers.get("accept", ""))


@router.get(
    "/models/{name}/versions/{version}/files/{path:path}",
    response_model=None,
    response_class=Response,
    responses=texts("application/octet-stream"),
)
async def read_file(request: Request, name: str, version: int, path: str) -> Response:
    """A file of a version as it is stored. `Range` takes one range of bytes; its `ETag` is its digest."""
    exchange, drafts = exchange_of(request), gateway_of(request).drafts
    exchange.deadline = time.monotonic() + options_of(request).import_seconds
    artefact = await drafts.artefact(exchange.caller, *_key(name, version), _path(path))
    etag = f'"{artefact.digest}"'
    part = part_of(request.headers, artefact.size_bytes, etag)
    pieces: AsyncGenerator[bytes, None] = drafts.read(exchange.caller, artefact.digest, part.start)
    return Download(exchange, PurePosixPath(path).name, part, pieces, etag=etag)


def _key(name: str, number: int) -> tuple[str, int]:
    _NUMBER.check("number", number)
    return model_name(name), number


def _path(path: str) -> str:
    return relative_artefact_path(path, "path", None)
