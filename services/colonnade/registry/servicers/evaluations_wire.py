"""Evaluations in the words of their protobuf contract, and back."""

from colonnade.api.registry.v1 import evaluations_pb2 as messages
from colonnade.registry.evaluations import Evaluation, Measured


def measured(message: messages.Evaluation) -> Measured:
    return Measured(
        model=message.model,
        version=message.version,
        suite=message.suite,
        results=dict(message.results),
        suite_digest=message.suite_digest,
        outcome=message.outcome,
        origin=message.origin,
    )


def evaluation(found: Evaluation) -> messages.Evaluation:
    it = found.measured
    message = messages.Evaluation(
        id=found.id,
        model=it.model,
        version=it.version,
        suite=it.suite,
        suite_digest=it.suite_digest,
        results=it.results,
        outcome=it.outcome,
        by=found.by,
        origin=it.origin,
    )
    message.at.FromDatetime(found.at)
    return message
