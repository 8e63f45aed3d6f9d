"""Bias: reports of versions, what gates ask of them, and the watch over the traffic."""

from collections.abc import Sequence

from colonnade.api.ethics.v1.bias_pb2_grpc import add_BiasServiceServicer_to_server
from colonnade.ethics.bias.adapters.served import ServedModels
from colonnade.ethics.bias.adapters.sql_reports import SqlReports
from colonnade.ethics.bias.reporting import Reporting
from colonnade.ethics.bias.running import Runner
from colonnade.ethics.bias.servicer import FULL_NAME, BiasServicer
from colonnade.ethics.bias.sets import Sets
from colonnade.ethics.decisions.domain import Held
from colonnade.ethics.wiring.ground import Ground, Room


async def bias_room(ground: Ground) -> Room:
    models = ServedModels(ground.inference, ground.registry)
    reports, sets = SqlReports(ground.database), Sets(ground.settings.bias_sets_dir)
    runner = Runner(reports, models, sets)
    reporting = Reporting(reports, models, sets, ground.trail, wake=runner.wake)
    ground.server.add(add_BiasServiceServicer_to_server, BiasServicer(reporting, ground.watching), FULL_NAME)

    async def held(after: tuple[str, str], limit: int) -> Sequence[Held]:
        return [Held(*each) for each in await reports.held(after, limit)]

    return Room(erase=reports.erase, held=held, background=(runner.run, ground.watching.run))
