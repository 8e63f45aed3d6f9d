"""``/screening/policies`` and ``/screening/dry-runs``: what screens, as it is written, kept and tried."""

import time
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request

from colonnade.gateway.http import wire_policies as wire
from colonnade.gateway.http.route import GuardedRoute, exchange_of, gateway_of, options_of
from colonnade.security.inputs import check_text

router = APIRouter(route_class=GuardedRoute, tags=["screening"])
_VERSION_BYTES = 128
_Name = Annotated[str, Path(max_length=64, description="The policy's name.")]


@router.get("/screening/policies", response_model=wire.PolicyEntries)
async def list_screening_policies(request: Request) -> wire.PolicyEntries:
    """All policies by name, with their versions and where they judge."""
    found = await gateway_of(request).policies.entries(exchange_of(request).caller)
    return wire.PolicyEntries(policies=[wire.PolicyEntryOut.of(each) for each in found])


@router.get("/screening/policies/{name}", response_model=wire.PolicyTextOut)
async def get_screening_policy(
    request: Request,
    name: _Name,
    version: Annotated[str, Query(description="Empty: the latest.")] = "",
) -> wire.PolicyTextOut:
    """One version of a policy, as it was put."""
    wanted = check_text(version, "version", _VERSION_BYTES, allow_empty=True, controls="line")
    book, caller = gateway_of(request).policies, exchange_of(request).caller
    return wire.PolicyTextOut.of_text(await book.get(caller, name, wanted))


@router.put("/screening/policies/{name}", response_model=wire.PolicyPut)
async def put_screening_policy(request: Request, name: _Name, body: wire.PolicyBody) -> wire.PolicyPut:
    """Keeps a version for good; it judges nothing before it is assigned. Refused where it fails a test of its
    own."""
    book, text = gateway_of(request).policies, body.text
    _take_time(request)
    version, is_new = await book.put(exchange_of(request).caller, name, text)
    said = wire.PolicyVersionOut.of(version).model_dump()
    return wire.PolicyPut(name=name, is_new=is_new, **said)


@router.post("/screening/policies/test", response_model=wire.TrialsOut)
async def test_screening_policy(request: Request, body: wire.PolicyBody) -> wire.TrialsOut:
    """Runs a policy's own tests; keeps nothing."""
    book, text = gateway_of(request).policies, body.text
    _take_time(request)
    made = await book.test(exchange_of(request).caller, text)
    outcomes = [wire.TrialOut.of(each) for each in made.outcomes]
    return wire.TrialsOut(name=made.name, version=made.version, outcomes=outcomes)


@router.post("/screening/dry-runs", response_model=wire.DryRunOut)
async def dry_run_screening_policy(request: Request, body: wire.DryRunBody) -> wire.DryRunOut:
    """What a policy would have done to kept traffic, beside what is in use; changes nothing."""
    book, text, most = gateway_of(request).policies, body.text, body.most
    _take_time(request)
    return wire.DryRunOut.of(await book.dry_run(exchange_of(request).caller, text, most))


def _take_time(request: Request) -> None:
    """Scorers that ask a model take theirs."""
    exchange_of(request).deadline = time.monotonic() + options_of(request).import_seconds
