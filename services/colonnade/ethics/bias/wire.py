"""What the bias room says, as messages."""

from datetime import datetime

from google.protobuf.timestamp_pb2 import Timestamp

from colonnade.api.ethics.v1 import bias_pb2 as messages
from colonnade.api.generation.v1.generation_pb2 import ModelRef
from colonnade.errors import InvalidArgument
from colonnade.ethics.bias.domain.figures import Figure
from colonnade.ethics.bias.domain.live import Live
from colonnade.ethics.bias.domain.reports import Report, Version


def report(found: Report) -> messages.BiasReport:
    return messages.BiasReport(
        id=found.id,
        model=found.model.name,
        version=found.model.version,
        digest=found.model.digest,
        sets=found.sets,
        state=found.state.value,
        created_at=_stamp(found.created_at),
        by=found.by,
        done=found.done,
        total=found.total,
        figures=map(_figure, found.figures),
        why=found.why,
        ended_at=_stamp(found.ended_at) if found.ended_at else None,
    )


def _figure(found: Figure) -> messages.BiasFigure:
    return messages.BiasFigure(
        set=found.set, dimension=found.dimension, measure=found.measure,
        value=found.value, low=found.low, high=found.high, count=found.count,
    )  # fmt: skip


def live(found: Live) -> messages.GetLiveResponse:
    return messages.GetLiveResponse(
        cells=[
            messages.LiveCell(
                model=cell.model,
                dimension=cell.dimension,
                group=cell.group,
                hour=_stamp(cell.hour),
                seen=tally.seen,
                refused=tally.refused,
                unkind=tally.unkind,
            )
            for cell, tally in found.cells.items()
        ],
        gaps=[
            messages.LiveGap(
                model=gap.model,
                dimension=gap.dimension,
                value=gap.value,
                low=gap.low,
                high=gap.high,
                seen=gap.seen,
            )
            for gap in found.gaps
        ],
        alarms=[
            messages.BiasAlarm(
                model=each.model, dimension=each.dimension, at=_stamp(each.at), observed=each.observed
            )
            for each in found.alarms
        ],
    )


def version(ref: ModelRef) -> Version:
    if not ref.digest:
        raise InvalidArgument("model needs a digest", field="model.digest")
    return Version(ref.name, ref.version, ref.digest)


def _stamp(moment: datetime) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(moment)
    return stamp
