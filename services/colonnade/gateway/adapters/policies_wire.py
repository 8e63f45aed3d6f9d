"""Messages about policies in the gateway's words."""

from colonnade.api.ethics.v1 import ethics_pb2, policies_pb2
from colonnade.gateway.adapters.screening_wire import action_of, moment_of, side_of
from colonnade.gateway.domain.policies import (
    ArmCounts,
    Assignment,
    ChangedOutcome,
    NamedPolicy,
    PolicyEntry,
    PolicyUse,
    PolicyVersion,
    TrialOutcome,
)


def entry(told: policies_pb2.PolicyEntry) -> PolicyEntry:
    uses = [PolicyUse(use.tenant, use.route, use.share, use.shadow, use.version) for use in told.in_use]
    versions = tuple(map(version, told.versions))
    return PolicyEntry(told.name, told.description, told.version, versions, tuple(uses))


def version(told: policies_pb2.PolicyVersion) -> PolicyVersion:
    at = moment_of(told.created_at) if told.HasField("created_at") else None
    return PolicyVersion(told.version, at, told.by)


def outcome(told: ethics_pb2.TestOutcome) -> TrialOutcome:
    return TrialOutcome(
        text=told.text,
        side=side_of(told.side),
        expected=action_of(told.expected_action),
        expected_rule=told.expected_rule,
        passed=told.passed,
        action=action_of(told.action),
        rule=told.rule,
        explanations=tuple(each.explanation for each in told.decisions),
    )


def changed(told: policies_pb2.ChangedOutcome) -> ChangedOutcome:
    return ChangedOutcome(
        at=moment_of(told.at),
        side=side_of(told.side),
        route=told.route,
        before=action_of(told.before),
        after=action_of(told.after),
        rule=told.rule,
        excerpt=told.excerpt,
    )


def assignment(told: policies_pb2.Assignment) -> Assignment:
    return Assignment(
        route=told.route,
        policy=_named(told.policy),
        candidate=_named(told.candidate),
        share=told.share,
        shadow=_named(told.shadow),
        revision=told.revision,
        at=moment_of(told.at),
        by=told.by,
        why=told.why,
        stable_counts=_counts(told.stable_counts) if told.HasField("stable_counts") else None,
        candidate_counts=_counts(told.candidate_counts) if told.HasField("candidate_counts") else None,
    )


def _named(told: policies_pb2.NamedPolicy) -> NamedPolicy | None:
    return NamedPolicy(told.name, told.version) if told.name else None


def _counts(told: policies_pb2.ArmCounts) -> ArmCounts:
    return ArmCounts(told.requests, told.refused)
