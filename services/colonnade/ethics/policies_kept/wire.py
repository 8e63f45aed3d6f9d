"""Policies and assignments as messages."""

from datetime import datetime

from google.protobuf.timestamp_pb2 import Timestamp

from colonnade.api.ethics.v1 import policies_pb2 as messages
from colonnade.ethics import wire
from colonnade.ethics.judging.dry_run import Changed, DryRun
from colonnade.ethics.policies import policy_of
from colonnade.ethics.policies_kept.domain import Counts, KeptPolicy, Named, Wanted
from colonnade.ethics.policies_kept.service import Entry, Shown, Use


def wanted(request: messages.AssignPolicyRequest) -> Wanted:
    return Wanted(request.route, Named(request.name, request.version), request.share, request.shadow)


def version(kept: KeptPolicy) -> messages.PolicyVersion:
    return messages.PolicyVersion(version=kept.named.version, created_at=stamp(kept.created_at), by=kept.by)


def entry(found: Entry) -> messages.PolicyEntry:
    return messages.PolicyEntry(
        name=found.name,
        description=found.description,
        version=found.versions[0].named.version,
        versions=map(version, found.versions),
        in_use=map(_use, found.in_use),
    )


def shown_policy(kept: KeptPolicy) -> messages.GetPolicyVersionResponse:
    return messages.GetPolicyVersionResponse(
        name=kept.named.name,
        description=policy_of(kept.source).description,
        version=version(kept),
        yaml=kept.source,
    )


def assignment(shown: Shown) -> messages.Assignment:
    made = shown.assignment
    state = made.state
    return messages.Assignment(
        route=made.route,
        policy=_named(state.policy),
        candidate=_named(state.candidate),
        share=state.share,
        shadow=_named(state.shadow),
        revision=made.revision,
        at=stamp(made.at),
        by=made.by,
        why=made.why,
        stable_counts=_counts(shown.stable),
        candidate_counts=_counts(shown.candidate),
    )


def dry_run(made: DryRun) -> messages.DryRunResponse:
    return messages.DryRunResponse(
        name=made.policy.name,
        version=made.policy.version,
        screened=made.screened,
        changed=map(_changed, made.changed),
    )


def stamp(moment: datetime | None) -> Timestamp | None:
    if moment is None:
        return None
    made = Timestamp()
    made.FromDatetime(moment)
    return made


def _use(use: Use) -> messages.PolicyUse:
    return messages.PolicyUse(
        tenant=use.tenant, route=use.route, share=use.share, shadow=use.shadow, version=use.version
    )


def _named(named: Named | None) -> messages.NamedPolicy | None:
    return messages.NamedPolicy(name=named.name, version=named.version) if named else None


def _counts(counts: Counts | None) -> messages.ArmCounts | None:
    return messages.ArmCounts(requests=counts.requests, refused=counts.refused) if counts else None


def _changed(changed: Changed) -> messages.ChangedOutcome:
    return messages.ChangedOutcome(
        at=stamp(changed.at),
        side=wire.SIDES[changed.side],
        route=changed.route,
        before=wire.ACTIONS[changed.before],
        after=wire.ACTIONS[changed.after],
        rule=changed.rule,
        excerpt=changed.excerpt,
    )
