"""What a filter means in SQL is what it means in words, on every database, for any filter."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from colonnade.registry.adapters.sql import SqlVersionStore
from colonnade.registry.adapters.sql_catalogue import SqlCatalogueStore
from colonnade.registry.catalogue.filters import Comparison, Filter, Kind, Value
from colonnade.registry.catalogue.paging import model_order, model_position, version_order, version_position
from colonnade.registry.catalogue.records import (
    Metric,
    ModelChange,
    ModelRecord,
    Tagging,
    VersionChange,
    VersionRecord,
)
from colonnade.registry.domain import Target
from colonnade.storage.sql import Database, micros
from tests.contract.conftest import KINDS, Urls
from tests.unit.registry.catalogue.asking import KEYS, REAL, WHOLE, WORDS, filters
from tests.unit.registry.fakes import START, draft

_TAGS = st.dictionaries(st.sampled_from(KEYS), st.sampled_from(WORDS), max_size=3)
_METRICS = st.dictionaries(st.sampled_from(KEYS), st.sampled_from((*map(float, WHOLE), *REAL)), max_size=2)


@dataclass(frozen=True)
class Row:
    model: str
    tags: dict[str, str]
    metrics: dict[str, float]
    alias: str


_ROWS = st.lists(
    st.builds(
        Row, st.sampled_from(("a", "smol", "smol-2")), _TAGS, _METRICS, st.sampled_from(("", "a", "smol"))
    ),
    min_size=1,
    max_size=6,
)


def fact(
    record: VersionRecord | ModelRecord, newest: VersionRecord | None, asked: Comparison
) -> Value | None:
    """What a record has where a filter looks; ``newest`` is the version that a model's facts are of."""
    field = asked.field
    if field.kind is Kind.TAG:
        return record.tags.get(field.name)
    if field.kind is Kind.METRIC:
        metrics = newest.metrics if newest else ()
        return next((each.value for each in metrics if each.key == field.name), None)
    created = record.model.created_at if isinstance(record, ModelRecord) else record.version.created_at
    facts: dict[str, Value] = {
        "name": record.model.name if isinstance(record, ModelRecord) else record.version.manifest.name,
        "created_at": micros(created),
        "updated_at": micros(record.updated_at),
        "tenant": record.model.tenant if isinstance(record, ModelRecord) else record.tenant,
        "version": record.model.latest_version if isinstance(record, ModelRecord) else 0,
    }
    if newest:
        manifest, content = newest.version.manifest, newest.version.manifest.content
        facts |= {
            "version": manifest.version, "digest": manifest.digest, "family": content.family,
            "parameters": content.parameters, "size_label": content.size_label, "base": content.base,
            "context_length": content.context_length, "created_by": newest.version.created_by,
            "source": newest.version.source,
        }  # fmt: skip
    return facts.get(field.name)


def holds(asked: Filter, record: VersionRecord | ModelRecord, newest: VersionRecord | None) -> bool:
    aliases = (
        [alias.name for alias in record.model.aliases]
        if isinstance(record, ModelRecord)
        else list(record.aliases)
    )
    return all(
        each.holds_of_any(aliases)
        if each.field.kind is Kind.ATTRIBUTE and each.field.name == "alias"
        else each.holds(fact(record, newest, each))
        for each in asked
    )


async def check(url: str, asked: list[Filter], rows: list[Row], numbers: "count[int]") -> None:
    database = Database(url)
    try:
        said, versions = SqlCatalogueStore(database), SqlVersionStore(database)
        for row in rows:
            at = START + timedelta(seconds=next(numbers) % 3)
            made = await versions.register(draft(row.model, next(numbers), at=at), alias="")
            number = made.manifest.version
            metrics = [Metric(key, value, 0, at) for key, value in row.metrics.items()]
            change = VersionChange(tags=Tagging(row.tags), metrics=metrics)
            await said.describe_version(row.model, number, change, by="acme/eve", at=at)
            await said.describe_model(row.model, ModelChange(tags=Tagging(row.tags)), by="acme/eve", at=at)
            if row.alias:
                aimed = [Target(number, 100)]
                await versions.move_alias(
                    row.model, row.alias, aimed, expected_revision=None, by="acme/eve", at=at
                )
        everything = list(await said.search_versions((), version_order(""), after=(), limit=1000))
        models = list(await said.search_models((), model_order(""), after=(), limit=1000))
        newest = {each.version.manifest.name: each for each in reversed(everything)}
        for each in asked:
            found = await said.search_versions(each, version_order(""), after=(), limit=1000)
            assert list(found) == [record for record in everything if holds(each, record, record)], each
            named = await said.search_models(each, model_order(""), after=(), limit=1000)
            here = [record for record in models if holds(each, record, newest.get(record.model.name))]
            assert list(named) == here, each
        await _pages_meet(said, everything, models)
    finally:
        await database.close()


async def _pages_meet(
    said: SqlCatalogueStore, everything: list[VersionRecord], models: list[ModelRecord]
) -> None:
    for text in ("", "updated_at DESC", "version, name DESC", "created_at, version DESC"):
        order, seen = version_order(text), list[VersionRecord]()
        while page := await said.search_versions(
            (), order, after=version_position(seen[-1], order) if seen else (), limit=2
        ):
            seen += page
        assert sorted(map(repr, seen)) == sorted(map(repr, everything))
    order, met = model_order("updated_at DESC"), list[ModelRecord]()
    while found := await said.search_models(
        (), order, after=model_position(met[-1], order) if met else (), limit=1
    ):
        met += found
    assert sorted(map(repr, met)) == sorted(map(repr, models))


@pytest.mark.parametrize("kind", KINDS)
def test_any_filter_over_any_rows(new_url: Urls, kind: str) -> None:
    numbers = count(1)

    @settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(filters(), min_size=5, max_size=25), _ROWS)
    def agree(asked: list[Filter], rows: list[Row]) -> None:
        asyncio.run(check(url, asked, rows, numbers))

    url = new_url(kind, "colonnade.registry")
    agree()
