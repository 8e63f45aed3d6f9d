"""``/v1/files``: what batches read, and what they leave."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response

from colonnade.gateway.domain.files import PageQuery, Purpose
from colonnade.gateway.domain.limits import Range
from colonnade.gateway.http.described import answers, texts
from colonnade.gateway.http.download import Download
from colonnade.gateway.http.openai.upload import Upload
from colonnade.gateway.http.openai.wire_files import FileDeleted, FileList, FileObject, page_json
from colonnade.gateway.http.ranges import Part
from colonnade.gateway.http.route import GuardedRoute, exchange_of, gateway_of, options_of
from colonnade.gateway.http.routes.models import IdempotencyKey
from colonnade.security.inputs import check_text, idempotency_key

router = APIRouter(route_class=GuardedRoute, prefix="/v1", tags=["openai"])
_PAGE = Range(1, 10_000)
_MAX_ID = 64
_FORM: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["purpose", "file"],
                    "properties": {
                        "purpose": {"type": "string", "enum": ["batch"]},
                        "file": {"type": "string", "format": "binary"},
                    },
                }
            }
        },
    }
}


@router.post("/files", response_model=FileObject, openapi_extra=_FORM)
async def upload_file(request: Request, key: IdempotencyKey = None) -> FileObject:
    """Keeps a file for a batch: a form with `purpose` (batch) and `file`."""
    files, upload = gateway_of(request).files, Upload(request, options_of(request))
    once = "" if key is None else idempotency_key(key)
    return FileObject.of(await files.upload(exchange_of(request).caller, upload, once))


@router.get("/files", response_model=None, responses=answers(FileList))
async def list_files(
    request: Request,
    limit: Annotated[int, Query(json_schema_extra={"minimum": 1, "maximum": 10_000})] = 10_000,
    after: Annotated[str, Query(description="The `last_id` of the page before.")] = "",
    order: Literal["asc", "desc"] = "desc",
    purpose: Purpose | None = None,
) -> dict[str, Any]:
    """The tenant's files, by the time they were made."""
    _PAGE.check("limit", limit)
    check_text(after, "after", _MAX_ID, allow_empty=True, controls="line")
    query = PageQuery(limit, after, order == "desc", purpose)
    found = await gateway_of(request).files.page(exchange_of(request).principal, query)
    return page_json([FileObject.of(record).model_dump() for record in found], limit)


@router.get("/files/{file}", response_model=FileObject)
async def get_file(request: Request, file: str) -> FileObject:
    """What is known of a file."""
    check_text(file, "file_id", _MAX_ID, controls="line")
    return FileObject.of(await gateway_of(request).files.get(exchange_of(request).principal, file))


@router.get(
    "/files/{file}/content",
    response_model=None,
    response_class=Response,
    responses=texts("application/octet-stream"),
)
async def get_content(request: Request, file: str) -> Response:
    """The bytes of a file."""
    check_text(file, "file_id", _MAX_ID, controls="line")
    files, exchange = gateway_of(request).files, exchange_of(request)
    record = await files.get(exchange.principal, file)
    content = await files.content(exchange.principal, file)
    return Download(exchange, record.filename, Part.whole(record.size_bytes), content)


@router.delete("/files/{file}", response_model=FileDeleted)
async def delete_file(request: Request, file: str) -> FileDeleted:
    """Removes a file for good."""
    check_text(file, "file_id", _MAX_ID, controls="line")
    await gateway_of(request).files.delete(exchange_of(request).caller, file)
    return FileDeleted(id=file)
