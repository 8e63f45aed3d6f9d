"""``/rollouts``: a version on its way to an alias, and ``/policies``: the plans by which it goes."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request

from colonnade.gateway.domain.limits import Range
from colonnade.gateway.http import wire_rollouts as wire
from colonnade.gateway.http.route import GuardedRoute, exchange_of, gateway_of
from colonnade.gateway.http.routes.models import IdempotencyKey
from colonnade.security.inputs import check_text, idempotency_key, model_name
from colonnade.security.inputs.catalogue import MAX_PAGE_SIZE

router = APIRouter(route_class=GuardedRoute, tags=["rollouts"])
_PAGE, _REVISION = Range(1, MAX_PAGE_SIZE), Range(0, 2**63 - 1)
_Id = Annotated[str, Path(alias="id", max_length=64, description="As the list has it.")]


@router.post("/rollouts", status_code=201, response_model=wire.Rollout)
async def start_rollout(request: Request, body: wire.RolloutBody, key: IdempotencyKey = None) -> wire.Rollout:
    """Begins to take a version to an alias, step by step. One at a time for an alias."""
    order = body.order(idempotency_key(key) if key is not None else "")
    return wire.Rollout.of(await gateway_of(request).rollouts.start(exchange_of(request).caller, order))


@router.get("/rollouts", response_model=wire.RolloutsOut)
async def list_rollouts(
    request: Request,
    model: Annotated[str, Query(description="A model's name; empty: all.")] = "",
    under_way: Annotated[bool, Query(description="Those alone that have not ended.")] = False,
    page_size: Annotated[int, Query(json_schema_extra={"minimum": 1, "maximum": MAX_PAGE_SIZE})] = 100,
    page_token: str = "",
) -> wire.RolloutsOut:
    """Rollouts, newest first."""
    _PAGE.check("page_size", page_size)
    name = model_name(model, "model") if model else ""
    token = check_text(page_token, "page_token", 1024, allow_empty=True, controls="line")
    caller, rollouts = exchange_of(request).caller, gateway_of(request).rollouts
    page = await rollouts.page(caller, name, under_way, page_size, token)
    found = [wire.Rollout.of(each) for each in page.rollouts]
    return wire.RolloutsOut(rollouts=found, next_page_token=page.next_page_token)


@router.get("/rollouts/{id}", response_model=wire.RolloutDetail)
async def get_rollout(request: Request, rollout_id: _Id) -> wire.RolloutDetail:
    """One rollout, with what was seen of both versions, and its events."""
    caller = exchange_of(request).caller
    return wire.RolloutDetail.of(await gateway_of(request).rollouts.get(caller, rollout_id))


@router.post("/rollouts/{id}/pause", response_model=wire.Rollout)
async def pause_rollout(
    request: Request, rollout_id: _Id, body: wire.ChangeBody | None = None
) -> wire.Rollout:
    """Has it go no further by itself. An objective that breaks still takes it back."""
    return await _change(request, rollout_id, "pause", body)


@router.post("/rollouts/{id}/resume", response_model=wire.Rollout)
async def resume_rollout(
    request: Request, rollout_id: _Id, body: wire.ChangeBody | None = None
) -> wire.Rollout:
    """Has it go on; its step begins anew."""
    return await _change(request, rollout_id, "resume", body)


@router.post("/rollouts/{id}/promote", response_model=wire.Rollout)
async def promote_rollout(
    request: Request, rollout_id: _Id, body: wire.ChangeBody | None = None
) -> wire.Rollout:
    """Gives the candidate all requests at once. Not past its gates."""
    return await _change(request, rollout_id, "promote", body)


@router.post("/rollouts/{id}/roll_back", response_model=wire.Rollout)
async def roll_back_rollout(
    request: Request, rollout_id: _Id, body: wire.ChangeBody | None = None
) -> wire.Rollout:
    """Has the alias mean what it meant before."""
    return await _change(request, rollout_id, "roll_back", body)


@router.get("/policies", response_model=wire.Policies)
async def list_policies(request: Request) -> wire.Policies:
    """The named plans."""
    found = await gateway_of(request).rollouts.policies(exchange_of(request).caller)
    return wire.Policies(
        policies=[
            wire.Policy(name=p.name, description=p.description, plan=wire.Plan.of(p.plan)) for p in found
        ]
    )


async def _change(request: Request, rollout_id: str, act: str, body: wire.ChangeBody | None) -> wire.Rollout:
    asked = body or wire.ChangeBody()
    if asked.expected_revision is not None:
        _REVISION.check("expected_revision", asked.expected_revision)
    why, caller = wire.why_of(asked.why), exchange_of(request).caller
    rollouts = gateway_of(request).rollouts
    return wire.Rollout.of(await rollouts.change(caller, rollout_id, act, why, asked.expected_revision))
