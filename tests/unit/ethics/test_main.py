"""The whole service over its socket with its own database.

One service for all tests here; each has a tenant of its own."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import pytest_asyncio

from colonnade.api.erasure.v1 import erasure_pb2 as erasure
from colonnade.api.erasure.v1.erasure_pb2_grpc import ErasureServiceStub
from colonnade.api.ethics.v1 import decisions_pb2 as decided
from colonnade.api.ethics.v1 import ethics_pb2 as messages
from colonnade.api.ethics.v1 import policies_pb2 as policies
from colonnade.api.ethics.v1.decisions_pb2_grpc import DecisionServiceStub
from colonnade.api.ethics.v1.ethics_pb2_grpc import EthicsServiceStub
from colonnade.api.ethics.v1.policies_pb2_grpc import PolicyServiceStub
from colonnade.errors import Conflict, InvalidArgument, NotFound, PermissionDenied
from colonnade.ethics.__main__ import wired
from colonnade.ethics.policies_kept import watching
from colonnade.ethics.settings import EthicsSettings
from colonnade.rpc import Identity, Peer
from colonnade.security.audit import verify
from colonnade.security.identity import Principal, Role

TEXT = "My number is 4111 1111 1111 1111, thank you."
TENANTS = itertools.count(1)
STRICT = (
    "{name: strict, rules: [{id: none, scorer: card, action: refuse, reason: No cards.}],\n"
    "tests: [{text: '4111 1111 1111 1111', side: input, expect: {action: refuse, rule: none}}]}"
)


pytestmark = pytest.mark.asyncio(loop_scope="module")


class Client:
    """The service over its socket, as one principal."""

    def __init__(self, home: Path, principal: Principal) -> None:
        identity = Identity("gateway", home / "identity")
        identity.principal, self.tenant = principal, principal.tenant
        self.peer = Peer("ethics", f"unix:{home}/run/ethics.sock", identity)
        self.ethics, self.policies, self.decisions, self.erasure = (
            EthicsServiceStub(self.peer.channel),
            PolicyServiceStub(self.peer.channel),
            DecisionServiceStub(self.peer.channel),
            ErasureServiceStub(self.peer.channel),
        )

    async def screen(self, text: str = TEXT, side: messages.Side.ValueType = messages.SIDE_OUTPUT) -> str:
        """The gravest that was done: nothing, or an action."""

        async def sent() -> AsyncIterator[messages.ScreenRequest]:
            yield messages.ScreenRequest(side=side, text=text, last=True, route="POST /generate")

        stream = self.peer.stream(self.ethics.Screen, sent(), messages.ScreenResponse)
        actions = [each.action async for response in stream for each in response.decisions]
        return messages.Action.Name(max(actions)) if actions else ""

    async def put(self, yaml: str = STRICT, name: str = "strict") -> policies.PutPolicyResponse:
        request = policies.PutPolicyRequest(name=name, yaml=yaml)
        return await self.peer.unary(self.policies.PutPolicy, request, policies.PutPolicyResponse)

    async def assign(self, share: int = 100, **more: object) -> policies.Assignment:
        asked = {"route": "/generate", "name": "strict", "share": share, "why": "tried"} | more
        request = policies.AssignPolicyRequest(**asked)  # type: ignore[arg-type]
        method = self.policies.AssignPolicy
        return (await self.peer.unary(method, request, policies.AssignPolicyResponse)).assignment

    async def take_back(self) -> policies.Assignment:
        request = policies.TakeBackRequest(route="/generate", why="too strict")
        method = self.policies.TakeBack
        return (await self.peer.unary(method, request, policies.TakeBackResponse)).assignment

    async def assigned(self) -> list[policies.Assignment]:
        method, request = self.policies.ListAssignments, policies.ListAssignmentsRequest()
        return list((await self.peer.unary(method, request, policies.ListAssignmentsResponse)).assignments)

    async def recorded(self, least: int, **wanted: object) -> list[decided.KeptDecision]:
        """Once there are so many; decisions are written beside the streams."""
        told = decided.DecisionFilter(**wanted)  # type: ignore[arg-type]
        request = decided.ListDecisionsRequest(filter=told)
        for _ in range(100):
            method = self.decisions.ListDecisions
            found = await self.peer.unary(method, request, decided.ListDecisionsResponse)
            if len(found.decisions) >= least:
                return list(found.decisions)
            await asyncio.sleep(0.02)
        raise AssertionError(f"{len(found.decisions)} decisions, not {least}")

    async def erase(self, tenant: str, subject: str) -> dict[str, int]:
        request = erasure.EraseRequest(tenant=tenant, subject=subject, erasure_id="ers_1")
        return dict((await self.peer.unary(self.erasure.Erase, request, erasure.EraseResponse)).removed)

    async def held(self) -> list[str]:
        method, request = self.erasure.ListSubjects, erasure.ListSubjectsRequest()
        found = await self.peer.unary(method, request, erasure.ListSubjectsResponse)
        return [f"{each.tenant}/{each.subject}" for each in found.subjects]


def person(home: Path, tenant: str, subject: str = "ann", role: Role = Role.ADMIN) -> Client:
    return Client(home, Principal(tenant, subject, frozenset({role})))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def home() -> AsyncIterator[Path]:
    """Of the service, while it serves."""
    with pytest.MonkeyPatch.context() as patch, TemporaryDirectory(prefix="cln-") as folder:
        for name, value in {
            "HOME": folder, "ETHICS_METRICS_PORT": "0", "ETHICS_KEEP_SAMPLE": "1",
            "ETHICS_ROLLBACK_REQUESTS": "5",
        }.items():  # fmt: skip
            patch.setenv(f"COLONNADE_{name}", value)
        patch.setattr(watching, "_WRITE_SECONDS", 0.05)
        async with wired(EthicsSettings()) as server:
            await server.start()
            await server.ready(True)
            yield Path(folder)
            await server.stop(0)


@pytest_asyncio.fixture(loop_scope="module")
async def admin(home: Path) -> AsyncIterator[Client]:
    """Of a tenant that no other test has."""
    made = person(home, f"acme-{next(TENANTS)}")
    yield made
    await made.peer.close()


async def test_the_default_policy_holds_and_what_it_decides_is_on_record(admin: Client, home: Path) -> None:
    assert await admin.screen() == "ACTION_MASK"
    (kept,) = await admin.recorded(1)
    assert (kept.rule, kept.subject, kept.route, kept.policy_name) == ("cards", "ann", "/generate", "default")
    assert "4111" not in str(kept)
    assert "4111" not in (await admin.recorded(0, rule="other")).__repr__()
    request = decided.SummariseDecisionsRequest(by=decided.SUMMARY_BY_ACTION)
    method = admin.decisions.SummariseDecisions
    (count,) = (await admin.peer.unary(method, request, decided.SummariseDecisionsResponse)).counts
    assert (count.key, count.count) == ("mask", 1)
    assert not await person(home, "globex").recorded(0)
    with pytest.raises(PermissionDenied):
        await person(home, admin.tenant, role=Role.CALLER).recorded(0)


async def test_a_policy_is_put_assigned_and_taken_back(admin: Client, home: Path) -> None:
    made = await admin.put()
    assert made.is_new
    assert not (await admin.put("# the same\n" + STRICT)).is_new
    first = await admin.assign(expected_revision=0, idempotency_key="k")
    assert await admin.assign(expected_revision=0, idempotency_key="k") == first
    with pytest.raises(Conflict, match="at revision 1, not 0"):
        await admin.assign(expected_revision=0)
    assert (first.policy.version, first.revision, first.by) == (made.version.version, 1, "ann")
    assert await admin.screen() == "ACTION_REFUSE"
    assert await person(home, "globex").screen() == "ACTION_MASK"
    assert (await admin.take_back()).revision == 2
    assert await admin.screen() == "ACTION_MASK"
    with pytest.raises(Conflict, match="nothing to take back"):
        await admin.take_back()
    assert verify(home / "audit" / "ethics.jsonl").ok


async def test_what_cannot_be_carried_out_is_not_kept(admin: Client) -> None:
    with pytest.raises(InvalidArgument, match=r"tests\.0: it expects refuse by the rule none"):
        await admin.put(STRICT.replace("'4111 1111 1111 1111'", "Hello"))
    with pytest.raises(InvalidArgument, match="there is no scorer cart"):
        await admin.put(STRICT.replace("card,", "cart,"))
    with pytest.raises(InvalidArgument, match="put it under that name"):
        await admin.put(name="other")
    with pytest.raises(InvalidArgument, match="cannot be called test"):
        await admin.put(STRICT.replace("name: strict", "name: test"), "test")
    with pytest.raises(NotFound, match="no policy strict"):
        await admin.assign()
    for share, route in ((101, "/generate"), (10, "generate")):
        with pytest.raises(InvalidArgument):
            await admin.assign(share, route=route)


async def test_a_shadow_is_recorded_and_decides_nothing(admin: Client) -> None:
    await admin.put()
    await admin.assign(shadow=True)
    assert await admin.screen() == "ACTION_MASK"
    (shadow,) = await admin.recorded(1, shadow=True)
    assert (shadow.rule, shadow.policy_name) == ("none", "strict")
    (held,) = await admin.recorded(1)
    assert held.policy_name == "default"
    await admin.assign(0, shadow=True)
    assert not (await admin.assigned())[0].HasField("shadow")
    with pytest.raises(Conflict, match="is not the shadow"):
        await admin.assign(0, shadow=True)


async def test_a_candidate_that_refuses_too_much_is_taken_back(admin: Client) -> None:
    await admin.put()
    await admin.assign(50)
    for _ in range(60):
        await admin.screen()
        assigned = (await admin.assigned())[0]
        if not assigned.HasField("candidate"):
            break
    for _ in range(150):
        assigned = (await admin.assigned())[0]
        if not assigned.HasField("candidate"):
            break
        await asyncio.sleep(0.02)
    assert (assigned.by, assigned.share, assigned.revision) == ("ethics", 0, 2)
    assert "refused" in assigned.why
    assert await admin.screen() == "ACTION_MASK"


async def test_a_dry_run_tells_what_would_change(admin: Client) -> None:
    await admin.screen()
    await admin.screen("Good morning.")
    await admin.recorded(1)
    request, method = policies.DryRunRequest(yaml=STRICT), admin.policies.DryRun
    answer = await admin.peer.unary(method, request, policies.DryRunResponse)
    (changed,) = answer.changed
    assert (answer.screened, changed.before, changed.after) == (
        2, messages.ACTION_MASK, messages.ACTION_REFUSE
    )  # fmt: skip
    assert (changed.rule, changed.excerpt) == ("none", TEXT)


async def test_who_is_erased_is_in_no_file_of_the_service(admin: Client, home: Path) -> None:
    eve, eraser = (
        person(home, admin.tenant, "eve-9f3c", Role.CALLER),
        Client(home, Principal.service("memory")),
    )
    await eve.screen()
    await admin.recorded(1)
    whose = f"{admin.tenant}/eve-9f3c"
    assert whose in await eraser.held()
    removed = await eraser.erase(admin.tenant, "eve-9f3c")
    assert (removed["decisions"], removed["screened_samples"]) == (1, 1)
    assert not any((await eraser.erase(admin.tenant, "eve-9f3c")).values())
    assert whose not in await eraser.held()
    files = [each for each in home.rglob("*") if each.is_file()]
    assert files
    assert not [each.name for each in files if b"eve-9f3c" in each.read_bytes()]
    for stranger in (Client(home, Principal.service("gateway")), admin):
        with pytest.raises(PermissionDenied):
            await stranger.erase(admin.tenant, "eve-9f3c")
