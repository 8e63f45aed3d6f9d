"""Reports from their beginning to their figures, through failures, on every database."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from colonnade.errors import Conflict, InvalidArgument, NotFound
from colonnade.ethics.bias.adapters.sql_reports import SqlReports
from colonnade.ethics.bias.domain.reports import State
from colonnade.ethics.bias.ports import Likelihood
from colonnade.ethics.bias.reporting import Reporting
from colonnade.ethics.bias.running import PIECE, Runner
from colonnade.ethics.bias.sets import Sets
from colonnade.security.identity import Principal, Role
from tests.unit.ethics.bias.fakes import OneModel, Opinionated

ADA, EVE = (Principal(tenant, "ada", frozenset({Role.ADMIN})) for tenant in ("acme", "other"))
SETS = Sets(None)


class Silent:
    async def record(self, action: str, principal: Principal, outcome: str, **facts: object) -> object:
        return None

    def note(self, action: str, principal: Principal, outcome: str, **facts: object) -> None:
        return None


def _model() -> Opinionated:
    return Opinionated(lambda text: -1.0 if "he " in text else -1.5)


def _reporting(reports: SqlReports) -> Reporting:
    return Reporting(reports, OneModel(_model()), SETS, Silent())


async def test_a_report_is_worked_on_and_keeps_its_figures(reports: SqlReports) -> None:
    reporting = _reporting(reports)
    begun = await reporting.start("smol", 1, [], ADA)
    assert (begun.state, begun.sets, begun.by) == (State.QUEUED, ("builtin",), "acme/ada")
    runner = Runner(reports, OneModel(_model()), SETS)
    assert await runner.once()
    assert not await runner.once(), "there is no other"
    done = await reporting.get(begun.id, ADA)
    assert (done.state, done.done, done.total) == (State.DONE, 79, 79)
    measures = {(each.dimension, each.measure) for each in done.figures}
    assert {
        ("gender", "preference"),
        ("all", "parity_difference"),
        ("racial", "likelihood_spread"),
    } <= measures
    assert not await reports.pieces(begun.id), "they have become figures"


class _Dies(Opinionated):
    async def likelihoods(self, context: str, texts: Sequence[str]) -> Sequence[Likelihood]:
        if len(self.asked) == 2:
            raise RuntimeError("killed")
        return await super().likelihoods(context, texts)


async def test_another_goes_on_where_one_has_died(reports: SqlReports) -> None:
    reporting, now = _reporting(reports), datetime.now(UTC)
    begun = await reporting.start("smol", 1, [], ADA)
    with pytest.raises(ExceptionGroup):
        await Runner(reports, OneModel(_Dies(lambda text: -1.0)), SETS).once()
    assert (await reporting.get(begun.id, ADA)).done == PIECE
    other = _model()
    assert not await Runner(reports, OneModel(other), SETS).once(), "it may be alive"
    late = Runner(reports, OneModel(other), SETS, clock=lambda: now + timedelta(hours=1))
    assert await late.once()
    assert (await reporting.get(begun.id, ADA)).state is State.DONE
    texts = [text for _, asked in other.asked for text in asked]
    assert SETS.read("builtin").probes[0].more not in texts, "what is known is not asked again"  # type: ignore[union-attr]


class _Refuses(Opinionated):
    async def likelihoods(self, context: str, texts: Sequence[str]) -> Sequence[Likelihood]:
        raise NotFound("no engine has it")


async def test_a_report_that_cannot_be_made_says_why(reports: SqlReports) -> None:
    begun = await _reporting(reports).start("smol", 1, [], ADA)
    await Runner(reports, OneModel(_Refuses(lambda text: 0.0)), SETS).once()
    ended = await reports.get("acme", begun.id)
    assert (ended.state, ended.why) == (State.FAILED, "no engine has it")


async def test_a_key_begins_one_report(reports: SqlReports) -> None:
    reporting = _reporting(reports)
    first = await reporting.start("smol", 1, [], ADA, "k")
    assert (await reporting.start("smol", 1, [], ADA, "k")).id == first.id
    with pytest.raises(Conflict):
        await reporting.start("smol", 2, [], ADA, "k")
    assert (await reporting.start("smol", 1, [], EVE, "k")).id != first.id


async def test_tenants_see_their_own_newest_first(reports: SqlReports) -> None:
    reporting = _reporting(reports)
    made = [(await reporting.start("smol", 1, [], ADA)).id for _ in range(3)]
    first, page = await reporting.page("", 2, "", ADA)
    rest, end = await reporting.page("smol", 2, page, ADA)
    assert [each.id for each in (*first, *rest)] == made[::-1]
    assert end == ""
    assert await reporting.page("", 0, "", EVE) == ([], "")
    with pytest.raises(NotFound):
        await reporting.get(made[0], EVE)


async def test_what_cannot_be_asked_is_refused(reports: SqlReports) -> None:
    with pytest.raises(NotFound, match="legal"):
        await _reporting(reports).start("smol", 1, ["legal"], ADA)
    with pytest.raises(InvalidArgument, match="limit"):
        await _reporting(reports).page("", 100_000, "", ADA)


async def test_of_somebody_who_is_erased_reports_stay(reports: SqlReports) -> None:
    reporting, zoe = _reporting(reports), Principal("acme", "Zoe/x", frozenset({Role.ADMIN}))
    begun = [await reporting.start("smol", 1, [], who, "k") for who in (ADA, ADA, EVE, zoe)]
    everybody = [("acme", "Zoe/x"), ("acme", "ada"), ("other", "ada")]
    held = await reports.held(("", ""), 10)
    assert [each[:2] for each in held] == everybody
    assert held[1][2] == begun[0].created_at
    assert [each[:2] for each in await reports.held(everybody[0], 1)] == [everybody[1]]
    assert await reports.erase("acme", "ada") == {"bias_report_authors": 1}
    assert await reports.erase("acme", "ada") == {"bias_report_authors": 0}
    assert (await reporting.get(begun[0].id, ADA)).by == ""
    assert [each[:2] for each in await reports.held(("", ""), 10)] == [everybody[0], everybody[2]]
    anew = await reporting.start("smol", 2, [], ADA, "k")
    assert anew.id != begun[0].id, "nothing is known of the key either"
