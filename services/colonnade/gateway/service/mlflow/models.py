"""MLflow's registered models: our models, and aliases that mean one version."""

import asyncio
from collections.abc import Mapping, Sequence

from colonnade.errors import AlreadyExists, Conflict, NotFound, Unsupported
from colonnade.gateway.domain.catalogue import ModelChange, ModelRecord, Search
from colonnade.gateway.domain.exchange import Caller
from colonnade.gateway.domain.mlflow import (
    ALIAS_OF,
    IS_PROMPT,
    NONE,
    STAGES,
    Asked,
    ModelVersion,
    RegisteredModel,
    main_versions,
    stage_named,
)
from colonnade.gateway.domain.models import AliasTarget
from colonnade.gateway.service.descriptions import Descriptions
from colonnade.gateway.service.mlflow.filters import (
    MODEL_FIELDS,
    MODEL_ORDERS,
    catalogue_filter,
    catalogue_order,
)
from colonnade.gateway.service.mlflow.searching import gathered
from colonnade.gateway.service.models import Models

_AT_ONCE = 8
"""Questions to the registry for one answer."""


class RegisteredModels:
    def __init__(self, models: Models, descriptions: Descriptions) -> None:
        self._models, self._descriptions = models, descriptions

    async def create(
        self, caller: Caller, name: str, description: str, tags: Mapping[str, str]
    ) -> RegisteredModel:
        refuse_prompts(tags)
        change = ModelChange(description=description or None, set_tags=tags)
        try:
            record = await self._descriptions.create_model(caller, name, change, "")
        except Conflict as error:
            raise AlreadyExists(error.message, **error.details) from None
        return await self._shown(caller, record)

    async def get(self, caller: Caller, name: str) -> RegisteredModel:
        return await self._shown(caller, await self._descriptions.get_model(caller, name))

    async def describe(self, caller: Caller, name: str, change: ModelChange) -> RegisteredModel:
        refuse_prompts(change.set_tags)
        return await self._shown(caller, await self._descriptions.describe_model(caller, name, change))

    async def rename(self, caller: Caller, name: str, to: str) -> RegisteredModel:
        try:
            record = await self._descriptions.rename_model(caller, name, to)
        except Conflict as error:
            if await self._is_there(caller, to):
                raise AlreadyExists(error.message, **error.details) from None
            raise
        return await self._shown(caller, record)

    async def delete(self, caller: Caller, name: str) -> None:
        await self._descriptions.delete_model(caller, name, "")

    async def search(self, caller: Caller, asked: Asked) -> tuple[list[RegisteredModel], str]:
        """What was found, and the token of what follows."""
        order = catalogue_order(asked.order_by, MODEL_ORDERS, "name ASC")
        conditions = catalogue_filter(asked.filter, MODEL_FIELDS)
        if conditions is None:
            return [], ""

        async def page(search: Search) -> tuple[Sequence[ModelRecord], str]:
            found = await self._descriptions.search_models(caller, search)
            return found.records, found.next_page_token

        search = Search(conditions, order, page_token=asked.page_token)
        records, token = await gathered(page, search, asked.most)
        turn = asyncio.Semaphore(_AT_ONCE)
        return list(await asyncio.gather(*(self._shown(caller, each, turn) for each in records))), token

    async def latest(self, caller: Caller, name: str, stages: Sequence[str]) -> list[ModelVersion]:
        """The newest version of each stage; without stages, of all."""
        wanted = {stage_named(stage) for stage in stages} or set(STAGES)
        detail = await self._models.get(caller, name)
        aliases = main_versions(detail.model.aliases)
        numbers = [
            aliases[alias] for stage, alias in ALIAS_OF.items() if stage in wanted and alias in aliases
        ]
        staged = {
            target.version
            for alias in detail.model.aliases
            if alias.name in ALIAS_OF.values()
            for target in alias.targets
        }
        if NONE in wanted:
            numbers += [each.version for each in detail.versions if each.version not in staged][:1]
        return await self._versions(caller, name, dict.fromkeys(numbers), asyncio.Semaphore(_AT_ONCE))

    async def set_alias(self, caller: Caller, name: str, alias: str, version: int) -> None:
        await self._models.set_alias(caller, name, alias, [AliasTarget(version, 100)], None)

    async def delete_alias(self, caller: Caller, name: str, alias: str) -> None:
        """Without a word where there is none, as MLflow's own server does it."""
        record = await self._descriptions.get_model(caller, name)
        if alias in main_versions(record.model.aliases):
            await self._models.delete_alias(caller, name, alias)

    async def by_alias(self, caller: Caller, name: str, alias: str) -> ModelVersion:
        record = await self._descriptions.get_model(caller, name)
        number = main_versions(record.model.aliases).get(alias)
        if number is None:
            raise NotFound(f"{name} has no alias {alias}", field="alias")
        return ModelVersion.of(await self._descriptions.get_version(caller, name, number))

    async def _is_there(self, caller: Caller, name: str) -> bool:
        try:
            await self._descriptions.get_model(caller, name)
        except NotFound:
            return False
        return True

    async def _shown(
        self, caller: Caller, record: ModelRecord, turn: asyncio.Semaphore | None = None
    ) -> RegisteredModel:
        model, aliases = record.model, main_versions(record.model.aliases)
        numbers = [aliases[alias] for alias in ALIAS_OF.values() if alias in aliases]
        numbers += [model.latest_version] if model.latest_version else []
        turn = turn or asyncio.Semaphore(_AT_ONCE)
        return RegisteredModel(
            name=model.name,
            description=model.description,
            tags=record.tags,
            aliases=aliases,
            latest=tuple(await self._versions(caller, model.name, dict.fromkeys(numbers), turn)),
            created_at=model.created_at,
            updated_at=record.updated_at,
        )

    async def _versions(
        self, caller: Caller, name: str, numbers: Mapping[int, None], turn: asyncio.Semaphore
    ) -> list[ModelVersion]:
        """Those of these that are there still."""
        found = await asyncio.gather(*(self._version(caller, name, each, turn) for each in numbers))
        return [each for each in found if each is not None]

    async def _version(
        self, caller: Caller, name: str, number: int, turn: asyncio.Semaphore
    ) -> ModelVersion | None:
        async with turn:
            try:
                return ModelVersion.of(await self._descriptions.get_version(caller, name, number))
            except NotFound:
                return None


def refuse_prompts(tags: Mapping[str, str]) -> None:
    """MLflow keeps prompts as models with this tag."""
    if tags.get(IS_PROMPT, "").lower() == "true":
        raise Unsupported("prompts are not kept here; the registry is one of models", field="tags")
