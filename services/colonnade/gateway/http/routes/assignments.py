"""``/screening/assignments``: which policy judges on which route."""

from fastapi import APIRouter, Request

from colonnade.gateway.http import wire_assignments as wire
from colonnade.gateway.http.route import GuardedRoute, exchange_of, gateway_of
from colonnade.gateway.http.routes.models import IdempotencyKey
from colonnade.security.inputs import idempotency_key

router = APIRouter(route_class=GuardedRoute, tags=["screening"])


@router.get("/screening/assignments", response_model=wire.Assignments)
async def list_assignments(request: Request) -> wire.Assignments:
    """What holds on each route that something was assigned to."""
    found = await gateway_of(request).policies.assignments(exchange_of(request).caller)
    return wire.Assignments(assignments=[wire.AssignmentOut.of(each) for each in found])


@router.post("/screening/assignments", response_model=wire.AssignmentOut)
async def assign_policy(
    request: Request, body: wire.AssignBody, key: IdempotencyKey = None
) -> wire.AssignmentOut:
    """Has a policy judge on a route: all requests, a share of them, or as a shadow."""
    book, new = gateway_of(request).policies, body.new()
    once = idempotency_key(key) if key is not None else ""
    return wire.AssignmentOut.of(await book.assign(exchange_of(request).caller, new, once))


@router.post("/screening/assignments/take-back", response_model=wire.AssignmentOut)
async def take_assignment_back(request: Request, body: wire.TakeBackBody) -> wire.AssignmentOut:
    """What held on a route before the last assignment holds again."""
    book, checked = gateway_of(request).policies, body.checked()
    caller = exchange_of(request).caller
    return wire.AssignmentOut.of(
        await book.take_back(caller, checked["route"], checked["why"], body.expected_revision)
    )
