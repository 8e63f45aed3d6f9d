"""``GET /docs`` for people and ``GET /openapi.json`` for programs; neither asks another site for anything."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse

from colonnade.gateway.http.docs_page import CONTENT_SECURITY_POLICY, page
from colonnade.gateway.http.route import GuardedRoute

router = APIRouter(route_class=GuardedRoute, tags=["docs"], include_in_schema=False)


@router.get("/docs", response_model=None)
async def docs(request: Request) -> HTMLResponse:
    """The reference, rendered from the OpenAPI document."""
    headers = {"content-security-policy": CONTENT_SECURITY_POLICY}
    return HTMLResponse(page(request.app.openapi()), headers=headers)


@router.get("/openapi.json", response_model=None)
async def openapi(request: Request) -> JSONResponse:
    """The OpenAPI document."""
    return JSONResponse(request.app.openapi())
