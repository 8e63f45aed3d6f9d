"""``/lineage``: what made this, and what would be affected if that were withdrawn."""

from typing import Annotated

from fastapi import APIRouter, Query, Request

from colonnade.errors import InvalidArgument
from colonnade.gateway.domain.limits import Range
from colonnade.gateway.domain.lineage import Question
from colonnade.gateway.http import wire_lineage as wire
from colonnade.gateway.http.route import GuardedRoute, exchange_of, gateway_of
from colonnade.gateway.http.routes.models import IdempotencyKey
from colonnade.security.inputs import check_text, digest, idempotency_key, model_reference
from colonnade.security.inputs.catalogue import MAX_LINEAGE_DEPTH

router = APIRouter(route_class=GuardedRoute, tags=["lineage"])
_DEPTH = Range(0, MAX_LINEAGE_DEPTH)
_ID_BYTES = 256


@router.get("/lineage", response_model=wire.LineageOut)
async def trace_lineage(
    request: Request,
    kind: Annotated[wire.NodeKind | None, Query(description="Of the node that is asked about.")] = None,
    node_id: Annotated[str, Query(alias="id", description="With `kind`; of a version its digest.")] = "",
    model: Annotated[
        str, Query(description="Instead: name (its production), name:version or name@alias.")
    ] = "",
    direction: Annotated[wire.Direction, Query(description="Downstream: what came from it.")] = "upstream",
    depth: Annotated[
        int,
        Query(
            description="In edges; 0: as far as it goes.",
            json_schema_extra={"minimum": 0, "maximum": MAX_LINEAGE_DEPTH},
        ),
    ] = 0,
    adapter: Annotated[str, Query(description="Digest of an adapter that had a part as well.")] = "",
    policy: Annotated[str, Query(description="Guard policy that had a part as well, name@version.")] = "",
) -> wire.LineageOut:
    """What made a version, a data set or anything else that is known, or what came from it."""
    _DEPTH.check("depth", depth)
    asked = Question(
        *_node(kind, node_id, model),
        direction=direction,
        depth=depth,
        adapter=digest(adapter, "adapter") if adapter else "",
        policy=check_text(policy, "policy", _ID_BYTES, allow_empty=True, controls="line"),
    )
    return wire.LineageOut.of(await gateway_of(request).lineage.trace(exchange_of(request).caller, asked))


@router.post("/lineage", status_code=201, response_model=wire.Added)
async def record_lineage(request: Request, body: wire.LineageBody, key: IdempotencyKey = None) -> wire.Added:
    """Records what came from what. Nothing is ever taken away again, and no cycle can be closed."""
    caller, lineage = exchange_of(request).caller, gateway_of(request).lineage
    once = idempotency_key(key) if key is not None else ""
    return wire.Added(added=await lineage.record(caller, body.new(), once))


def _node(kind: str | None, node_id: str, model: str) -> tuple[str, str]:
    if bool(kind) != bool(node_id) or bool(kind) == bool(model):
        raise InvalidArgument("give kind and id of what is asked about, or model", field="id")
    if kind:
        return kind, check_text(node_id, "id", _ID_BYTES, controls="line")
    return "reference", model_reference(model, "model")
