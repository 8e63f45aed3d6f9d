"""The gRPC methods of jobs: message to domain, one use case, domain to message."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import grpc

from colonnade.api.training.v1 import training_pb2 as messages
from colonnade.api.training.v1.training_pb2_grpc import TrainingServiceServicer
from colonnade.rpc import current
from colonnade.training import wire
from colonnade.training.service import Jobs

FULL_NAME = messages.DESCRIPTOR.services_by_name["TrainingService"].full_name
_Context = grpc.aio.ServicerContext[Any, Any]


class TrainingServicer(TrainingServiceServicer):
    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs

    async def SubmitJob(
        self, request: messages.SubmitJobRequest, context: _Context
    ) -> messages.SubmitJobResponse:
        job = await self._jobs.submit(wire.order(request), current().principal)
        return messages.SubmitJobResponse(job=wire.job(job, request.recipe))

    async def GetJob(self, request: messages.GetJobRequest, context: _Context) -> messages.GetJobResponse:
        return wire.detail(await self._jobs.get(request.id, current().principal))

    async def ListJobs(
        self, request: messages.ListJobsRequest, context: _Context
    ) -> messages.ListJobsResponse:
        found, token = await self._jobs.page(
            wire.filter_of(request), current().principal,
            page_size=request.page_size, page_token=request.page_token,
        )  # fmt: skip
        return messages.ListJobsResponse(jobs=map(wire.job, found), next_page_token=token)

    async def CancelJob(
        self, request: messages.CancelJobRequest, context: _Context
    ) -> messages.CancelJobResponse:
        job = await self._jobs.cancel(request.id, current().principal, why=request.why)
        return messages.CancelJobResponse(job=wire.job(job))

    async def ResumeJob(
        self, request: messages.ResumeJobRequest, context: _Context
    ) -> messages.ResumeJobResponse:
        return messages.ResumeJobResponse(
            job=wire.job(await self._jobs.resume(request.id, current().principal))
        )

    async def RetryJob(
        self, request: messages.RetryJobRequest, context: _Context
    ) -> messages.RetryJobResponse:
        job = await self._jobs.retry(request.id, current().principal, key=request.idempotency_key)
        return messages.RetryJobResponse(job=wire.job(job))

    async def WatchMetrics(
        self, request: messages.WatchMetricsRequest, context: _Context
    ) -> AsyncIterator[messages.WatchMetricsResponse]:
        watching = self._jobs.entries(request.id, current().principal, follow=request.follow)
        async with aclosing(watching) as entries:
            async for entry in entries:
                if message := wire.measured(entry, request.from_step):
                    yield message

    async def ReadLogs(
        self, request: messages.ReadLogsRequest, context: _Context
    ) -> AsyncIterator[messages.ReadLogsResponse]:
        reading = self._jobs.entries(
            request.id, current().principal, offset=request.offset, follow=request.follow
        )
        async with aclosing(reading) as entries:
            async for entry in entries:
                yield wire.line(entry)
