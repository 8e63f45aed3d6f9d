"""The registry's seals, of which there is one."""

from datetime import UTC, datetime

from colonnade.errors import NotFound
from colonnade.gateway.domain.exchange import Caller
from colonnade.gateway.domain.seals import Seal, SealDetail, SealList

KEY = "ab" * 32
SEAL = Seal(1, KEY, True, datetime(2030, 1, 2, tzinfo=UTC), "local/eve")


class FakeSeals:
    """Implements ``ports.SealBook`` for a model ``tiny`` with two versions, the first of them signed."""

    def __init__(self) -> None:
        self.signed: list[tuple[str, int]] = []

    async def list_seals(self, caller: Caller, model: str) -> SealList:
        self._known(model, 1)
        return SealList((Seal(2), SEAL), KEY, "-----BEGIN PUBLIC KEY-----")

    async def get(self, caller: Caller, model: str, version: int) -> SealDetail:
        self._known(model, version)
        return SealDetail(SEAL, "{}", "{}\n") if version == 1 else SealDetail(Seal(2), "", "{}\n")

    async def sign(self, caller: Caller, model: str, version: int) -> Seal:
        self._known(model, version)
        self.signed.append((model, version))
        return SEAL

    def _known(self, model: str, version: int) -> None:
        if model != "tiny" or version not in (1, 2):
            raise NotFound(f"there is no {model}:{version}", field="model")
