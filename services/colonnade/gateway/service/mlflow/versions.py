"""MLflow's model versions: ours, those that are being made, and the stages that are aliases."""

from collections.abc import AsyncGenerator, Sequence

from colonnade.errors import Conflict, InvalidArgument, NotFound
from colonnade.gateway.domain.catalogue import Search, VersionChange, VersionRecord
from colonnade.gateway.domain.drafts import Draft
from colonnade.gateway.domain.exchange import Caller
from colonnade.gateway.domain.mlflow import (
    ALIAS_OF,
    FAILED,
    PENDING,
    Asked,
    ModelVersion,
    VersionOrder,
    stage_named,
)
from colonnade.gateway.domain.models import Alias, AliasTarget, Artefact
from colonnade.gateway.service.descriptions import Descriptions
from colonnade.gateway.service.drafts import Drafts
from colonnade.gateway.service.mlflow.filters import (
    VERSION_FIELDS,
    VERSION_ORDERS,
    catalogue_filter,
    catalogue_order,
)
from colonnade.gateway.service.mlflow.making import UNDER_WAY, Making, shown
from colonnade.gateway.service.mlflow.models import refuse_prompts
from colonnade.gateway.service.mlflow.searching import gathered
from colonnade.gateway.service.models import Models


class ModelVersions:
    def __init__(self, models: Models, descriptions: Descriptions, drafts: Drafts, making: Making) -> None:
        self._models, self._descriptions, self._drafts, self._making = models, descriptions, drafts, making

    async def create(self, caller: Caller, order: VersionOrder) -> ModelVersion:
        """Of a model that is there, as MLflow has it."""
        refuse_prompts(order.tags)
        await self._descriptions.get_model(caller, order.name)
        return await self._making.make(caller, order)

    async def get(self, caller: Caller, name: str, number: int) -> ModelVersion:
        """A version that is not there yet under the number that is kept for it."""
        if (draft := await self._making.look(caller, name, number)) is not None:
            return shown(draft, PENDING)
        try:
            return ModelVersion.of(await self._descriptions.get_version(caller, name, number))
        except NotFound as error:
            return await self._of_draft(caller, await self._draft(caller, name, number, error))

    async def artefacts(self, caller: Caller, name: str, number: int) -> Sequence[Artefact]:
        return (await self._descriptions.get_version(caller, name, number)).version.artefacts

    async def file(
        self, caller: Caller, name: str, number: int, path: str
    ) -> tuple[Artefact, AsyncGenerator[bytes, None]]:
        artefact = await self._drafts.artefact(caller, name, number, path)
        return artefact, self._drafts.read(caller, artefact.digest, 0)

    async def ready(self, caller: Caller, name: str, number: int) -> ModelVersion:
        return ModelVersion.of(await self._descriptions.get_version(caller, name, number))

    async def describe(self, caller: Caller, name: str, number: int, change: VersionChange) -> ModelVersion:
        refuse_prompts(change.set_tags)
        return ModelVersion.of(await self._descriptions.describe_version(caller, name, number, change))

    async def delete(self, caller: Caller, name: str, number: int) -> None:
        await self._descriptions.delete_version(caller, name, number, "")

    async def search(self, caller: Caller, asked: Asked) -> tuple[list[ModelVersion], str]:
        """What was found, and the token of what follows."""
        order = catalogue_order(asked.order_by, VERSION_ORDERS, "updated_at DESC")
        conditions = catalogue_filter(asked.filter, VERSION_FIELDS)
        if conditions is None:
            return [], ""

        async def page(search: Search) -> tuple[Sequence[VersionRecord], str]:
            found = await self._descriptions.search_versions(caller, search)
            return found.records, found.next_page_token

        search = Search(conditions, order, page_token=asked.page_token)
        records, token = await gathered(page, search, asked.most)
        return [ModelVersion.of(each) for each in records], token

    async def transition(
        self, caller: Caller, name: str, number: int, stage: str, *, archive: bool
    ) -> ModelVersion:
        """A version has one stage: the aliases of the others are taken from it, first."""
        wanted = ALIAS_OF.get(stage_named(stage))
        if archive and wanted is None:
            raise InvalidArgument(
                f"archive_existing_versions goes with {' and '.join(ALIAS_OF)} alone",
                field="archive_existing_versions",
            )
        await self.ready(caller, name, number)
        aliases = (await self._descriptions.get_model(caller, name)).model.aliases
        for alias in _left(name, aliases, number, wanted):
            await self._models.delete_alias(caller, name, alias)
        if wanted is not None:
            await self._models.set_alias(caller, name, wanted, [AliasTarget(number, 100)], None)
        return await self.ready(caller, name, number)

    async def _draft(self, caller: Caller, name: str, number: int, missing: NotFound) -> Draft:
        try:
            draft = await self._drafts.get(caller, name, number)
        except NotFound:
            raise missing from None
        if draft.state == "discarded":
            raise missing
        return draft

    async def _of_draft(self, caller: Caller, draft: Draft) -> ModelVersion:
        """Equal content under one name is one version: a draft may have become an older one."""
        if draft.state == "ready":
            return await self.ready(caller, draft.model, draft.version)
        return shown(draft, PENDING if draft.state in UNDER_WAY else FAILED)


def _left(name: str, aliases: Sequence[Alias], number: int, wanted: str | None) -> list[str]:
    """The stages' aliases that mean this version and are not the wanted one."""
    left = [
        alias
        for alias in aliases
        if alias.name in ALIAS_OF.values() and alias.name != wanted
        if any(target.version == number for target in alias.targets)
    ]
    for alias in left:
        if len(alias.targets) > 1:
            raise Conflict(
                f"{alias.name} of {name} shares its requests between versions; "
                "end its rollout, or move it to one version first",
                field="stage",
            )
    return [alias.name for alias in left]
