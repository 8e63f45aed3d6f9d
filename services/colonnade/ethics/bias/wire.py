"""What the bias room says, as messages."""

from datetime import datetime

from google.protobuf.timestamp_pb2 import Timestamp

from colonnade.api.ethics.v1 import bias_pb2 as messages
from colonnade.api.generation.v1.generation_pb2 import ModelRef
from colonnade.errors import InvalidArgument
from colonnade.ethics.bias.domain.figures import Figure
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


def version(ref: ModelRef) -> Version:
    if not ref.digest:
        raise InvalidArgument("model needs a digest", field="model.digest")
    return Version(ref.name, ref.version, ref.digest)


def _stamp(moment: datetime) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(moment)
    return stamp
