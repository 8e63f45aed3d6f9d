"""``/training/jobs``: runs that make models, submitted, watched, stopped and taken up again."""

import time
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from colonnade.gateway.domain.exchange import Exchange
from colonnade.gateway.domain.jobs import JobFilter, LogLine
from colonnade.gateway.domain.limits import Range
from colonnade.gateway.http import wire_jobs as wire
from colonnade.gateway.http.described import answers
from colonnade.gateway.http.listing import Listing
from colonnade.gateway.http.route import GuardedRoute, exchange_of, gateway_of
from colonnade.gateway.http.routes.models import IdempotencyKey
from colonnade.gateway.http.streaming import Answer
from colonnade.gateway.service.following import AFTER_THE_END_SECONDS, LONGEST_SECONDS
from colonnade.security.inputs import check_text, idempotency_key
from colonnade.security.inputs.catalogue import MAX_PAGE_SIZE

router = APIRouter(route_class=GuardedRoute, tags=["training"])
_PAGE = Range(1, MAX_PAGE_SIZE)
_Id = Annotated[str, Path(alias="id", max_length=64, description="As the list has it.")]
_Follow = Annotated[
    bool,
    Query(
        description="Until the job ends, as server-sent events: the last is `end`, with the job. A stream "
        "without one ended for another reason, at the latest after 15 minutes: ask again."
    ),
]


@router.post("/training/jobs", status_code=201, response_model=wire.Job)
async def submit_job(request: Request, body: wire.JobBody, key: IdempotencyKey = None) -> wire.Job:
    """Queues a run. Of the recipe, name and steps are read; the rest is its worker's to judge."""
    order = body.order(idempotency_key(key) if key is not None else "")
    return wire.Job.of(await gateway_of(request).jobs.submit(exchange_of(request).caller, order))


@router.get("/training/jobs", response_model=wire.JobsOut)
async def list_jobs(
    request: Request,
    state: Annotated[list[wire.State] | None, Query(description="Several may be given; none: all.")] = None,
    kind: Annotated[str, Query(description="Empty: all; so are those below.")] = "",
    name: Annotated[str, Query(description="The recipe's.")] = "",
    by: Annotated[str, Query(description="Tenant and subject: `local/ann`.")] = "",
    tenant: Annotated[str, Query(description="For those who see more than their own.")] = "",
    page_size: Annotated[int, Query(json_schema_extra={"minimum": 1, "maximum": MAX_PAGE_SIZE})] = 100,
    page_token: str = "",
) -> wire.JobsOut:
    """Jobs, newest first. Whose key is of the tenant `local` sees all tenants' jobs."""
    _PAGE.check("page_size", page_size)
    asked = {"kind": kind, "name": name, "by": by, "tenant": tenant}
    words = {field: wire.named(text, field) for field, text in asked.items()}
    wanted = JobFilter(tuple(state or ()), **words)
    token = check_text(page_token, "page_token", 64, allow_empty=True, controls="line")
    page = await gateway_of(request).jobs.page(exchange_of(request).caller, wanted, page_size, token)
    return wire.JobsOut(jobs=[wire.Job.of(job) for job in page.jobs], next_page_token=page.next_page_token)


@router.get("/training/jobs/{id}", response_model=wire.JobDetail)
async def get_job(request: Request, job_id: _Id) -> wire.JobDetail:
    """One job, with its recipe and what happened to it."""
    return wire.JobDetail.of(await gateway_of(request).jobs.get(exchange_of(request).caller, job_id))


@router.post("/training/jobs/{id}/cancel", response_model=wire.Job)
async def cancel_job(request: Request, job_id: _Id, body: wire.CancelBody | None = None) -> wire.Job:
    """Ends it. A worker writes a checkpoint first: until then the job is `stopping`."""
    why = body.reason if body else ""
    return wire.Job.of(await gateway_of(request).jobs.cancel(exchange_of(request).caller, job_id, why))


@router.post("/training/jobs/{id}/resume", response_model=wire.Job)
async def resume_job(request: Request, job_id: _Id, _body: wire.NoBody | None = None) -> wire.Job:
    """Queues one that failed or was cancelled again. It goes on from its last checkpoint."""
    return wire.Job.of(await gateway_of(request).jobs.resume(exchange_of(request).caller, job_id))


@router.post("/training/jobs/{id}/retry", status_code=201, response_model=wire.Job)
async def retry_job(
    request: Request, job_id: _Id, _body: wire.NoBody | None = None, key: IdempotencyKey = None
) -> wire.Job:
    """Queues a new job of the same recipe, which begins at its beginning."""
    once = idempotency_key(key) if key is not None else ""
    return wire.Job.of(await gateway_of(request).jobs.retry(exchange_of(request).caller, job_id, once))


@router.get(
    "/training/jobs/{id}/metrics",
    response_model=None,
    responses=answers(wire.PointsOut, wire.POINT_EVENTS),
)
async def read_metrics(
    request: Request,
    job_id: _Id,
    from_step: Annotated[int, Query(description="Earlier ones are left out.")] = 0,
    follow: _Follow = False,
) -> Response:
    """What the run measured."""
    wire.STEP.check("from_step", from_step)
    exchange, jobs = exchange_of(request), gateway_of(request).jobs
    if not follow:
        points = jobs.points(exchange.caller, job_id, from_step)
        return Listing(exchange, "points", points, wire.point)
    _stay(exchange)
    watched = jobs.watch(exchange.caller, job_id, from_step)
    return Answer(exchange, watched, wire.WatchRenderer(), stream=True, framing=wire.FRAMING)


@router.get(
    "/training/jobs/{id}/logs", response_model=None, responses=answers(wire.LinesOut, wire.LINE_EVENTS)
)
async def read_logs(
    request: Request,
    job_id: _Id,
    offset: Annotated[int, Query(description="0, or what came with a line, to read on behind it.")] = 0,
    follow: _Follow = False,
) -> Response:
    """The run's log, a JSON object a line: what was measured, samples, checkpoints and notes."""
    wire.OFFSET.check("offset", offset)
    exchange, jobs = exchange_of(request), gateway_of(request).jobs
    if not follow:
        lines = jobs.lines(exchange.caller, job_id, offset)
        return Listing(
            exchange, "lines", lines, wire.log_line, lambda last: {"offset": _behind(last, offset)}
        )
    _stay(exchange)
    followed = jobs.follow(exchange.caller, job_id, offset)
    return Answer(exchange, followed, wire.WatchRenderer(), stream=True, framing=wire.FRAMING)


def _behind(last: LogLine | None, offset: int) -> int:
    return last.offset if last else offset


def _stay(exchange: Exchange) -> None:
    exchange.deadline = time.monotonic() + LONGEST_SECONDS + AFTER_THE_END_SECONDS
