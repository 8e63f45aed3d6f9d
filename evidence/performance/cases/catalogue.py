"""A registry with a million versions in PostgreSQL: how long an alias takes to resolve, and a search."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial

import psycopg

from colonnade.registry.adapters.sql import SqlVersionStore
from colonnade.registry.adapters.sql_catalogue import SqlCatalogueStore
from colonnade.registry.adapters.sql_search import VERSIONS_SCOPE, searching
from colonnade.registry.catalogue.grammar import Order, parsed
from colonnade.registry.catalogue.paging import version_order
from colonnade.registry.domain import Reference
from colonnade.storage.sql import Database
from evidence.performance import targets
from evidence.performance.cases import millions
from evidence.performance.result import Claim, Figure, Range, Result, Table
from evidence.performance.statistics import Spread, quantile
from evidence.performance.suite import Suite
from tests.harness.postgres import postgres

TITLE = "A million versions"
RESOLUTIONS, SEARCHES = 1000, 40
PAGE = 50
FILTERS: Mapping[str, tuple[str, str]] = {
    "a model's name": ("name = '{model}'", ""),
    "the beginning of a name": ("name LIKE '{start}%'", ""),
    "a tag that few have": ("tags.run = '{run}'", ""),
    "a tag that many have, and a metric": ("tags.team = '{team}' AND metrics.loss < 0.001", ""),
    "the last value of a metric": ("metrics.loss < 0.00005", ""),
    "an alias": ("alias = 'canary' AND size_label = '7B'", ""),
    "the newest": ("", "updated_at DESC"),
    "the newest of a team": ("tags.team = '{team}'", "updated_at DESC"),
    "a digest": ("digest = '{digest}'", ""),
}


def run(suite: Suite) -> Result:
    began, rounds = time.monotonic(), suite.rounds or 1
    with postgres() as server, server.lent("colonnade.registry") as url:
        with psycopg.connect(url, autocommit=True) as connection:
            for statement in millions.STATEMENTS:
                suite.tell(f"  {statement.split('(')[0].strip()[:60]}")
                connection.execute(statement.encode())
        samples, plans = asyncio.run(_measured(url, suite, rounds))
    resolutions = samples.pop("resolve")
    worst = {name: _share(each, 0.95) for name, each in samples.items()}
    slowest = max(worst, key=lambda name: worst[name])
    figures = [_figure("an alias resolved", resolutions), *(_figure(n, s) for n, s in samples.items())]
    claims = [
        _claim(
            "an alias is resolved, p99", "an alias resolved", _share(resolutions, 0.99), targets.RESOLVE_MS
        ),
        _claim(f"the slowest search ({slowest}), p95", slowest, worst[slowest], targets.SEARCH_MS),
    ]
    tables = [_shares(resolutions, samples), Table(title="Plans", columns=["search", "plan"], rows=plans)]
    what = f"{millions.VERSIONS:,} versions of {millions.MODELS:,} models; pages of {PAGE} versions"
    return suite.result(
        "catalogue", TITLE, figures, claims, rounds=rounds, began=began, what=what, tables=tables
    )


async def _measured(
    url: str, suite: Suite, rounds: int
) -> tuple[dict[str, list[float]], list[list[str | float | int]]]:
    database, chance = Database(url), random.Random(7)
    versions, said = SqlVersionStore(database), SqlCatalogueStore(database)
    samples: dict[str, list[float]] = {}
    plans: list[list[str | float | int]] = []
    try:
        resolve = partial(_resolved, versions, chance)
        samples["resolve"] = await _timed(RESOLUTIONS * rounds, resolve)
        for name, (text, order) in FILTERS.items():
            suite.tell(f"  {name}")
            asked = version_order(order)
            search = partial(_searched, said, text, asked, chance)
            samples[name] = await _timed(SEARCHES * rounds, search)
            plans.append([name, await _plan(database, text.format_map(_any(chance)), order)])
    finally:
        await database.close()
    return samples, plans


async def _resolved(versions: SqlVersionStore, chance: random.Random) -> Sequence[object]:
    return await versions.find_targets(Reference(_any(chance)["model"], "production"))


async def _searched(
    said: SqlCatalogueStore, text: str, asked: Sequence[Order], chance: random.Random
) -> Sequence[object]:
    wanted = parsed(text.format_map(_any(chance)))
    return await said.search_versions(wanted, asked, after=(), limit=PAGE)


async def _timed(times: int, act: Callable[[], Awaitable[Sequence[object]]]) -> list[float]:
    """Milliseconds; what the first few find is not in memory yet, and does not count."""
    for _ in range(3):
        await act()
    found = []
    for _ in range(times):
        began = time.perf_counter()
        await act()
        found.append((time.perf_counter() - began) * 1000)
    return found


async def _plan(database: Database, text: str, order: str) -> str:
    query = searching(VERSIONS_SCOPE, parsed(text), version_order(order), (), PAGE, sqlite=False)
    statement = str(query.compile(dialect=database.engine.dialect, compile_kwargs={"literal_binds": True}))
    async with database.reading() as connection:
        found = await connection.exec_driver_sql(
            f"EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) {statement}"
        )
        return "\n".join(row[0] for row in found)


def _any(chance: random.Random) -> dict[str, str]:
    number = chance.randrange(millions.VERSIONS)
    model = millions.model(number % millions.MODELS)
    return {
        "model": model,
        "start": model[:-2],
        "run": f"run-{number}",
        "team": f"team-{number % millions.TEAMS}",
        "digest": millions.digest(number),
    }


def _figure(name: str, samples: Sequence[float]) -> Figure:
    value = Range.of(Spread.of(samples))
    return Figure(engine=name, product="colonnade", precision="", unit="ms", samples=[], value=value)


def _claim(says: str, figure: str, measured: float, most: float) -> Claim:
    found = Range(median=measured, q1=measured, q3=measured)
    return Claim(
        says=f"{says}: at most {most:g} ms", figure=figure, baseline="", measured=found, at_most=most,
        holds=measured <= most,
    )  # fmt: skip


def _shares(resolutions: Sequence[float], searches: Mapping[str, Sequence[float]]) -> Table:
    rows: list[list[str | float | int]] = [
        [name, *(round(_share(each, share), 2) for share in (0.5, 0.95, 0.99))]
        for name, each in {"an alias resolved": resolutions, **searches}.items()
    ]
    return Table(title="Milliseconds", columns=["what", "p50", "p95", "p99"], rows=rows)


def _share(samples: Sequence[float], share: float) -> float:
    return quantile(sorted(samples), share)
