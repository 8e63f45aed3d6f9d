"""The memory service as a process, killed while it erases, and its data put back to what they were."""

import asyncio
import os
import random
import shutil
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from colonnade.api.erasure.v1 import subjects_pb2
from colonnade.api.erasure.v1.subjects_pb2_grpc import SubjectServiceStub
from colonnade.errors import ColonnadeError
from colonnade.security.identity import Role
from tests.unit.memory.house import until
from tests.unit.memory.test_main import Client

pytestmark = pytest.mark.slow
WHO, SECRET = "canary-eve", "canarysong"
KILLS = 2


@pytest.fixture
def environment(short_folder: Path) -> dict[str, str]:
    said = {
        "HOME": str(short_folder), "MEMORY_METRICS_PORT": "0", "MEMORY_ERASE_SERVICES": "memory",
        "MEMORY_ERASE_SETTLE_SECONDS": "1", "MEMORY_TIDY_SECONDS": "0.2", "MEMORY_LEASE_SECONDS": "10",
        "MEMORY_EMBED_SECONDS": "0.05",
    }  # fmt: skip
    return {**os.environ, **{f"COLONNADE_{name}": value for name, value in said.items()}}


@asynccontextmanager
async def process(environment: dict[str, str]) -> AsyncIterator[asyncio.subprocess.Process]:
    """Serves within; killed afterwards."""
    home = Path(environment["COLONNADE_HOME"])
    started = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "colonnade.memory", env=environment,
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    client = Client(home)

    async def serves() -> bool:
        try:
            await client.listed()
        except ColonnadeError:
            return False
        return True

    try:
        await until(serves)
        yield started
    finally:
        await client.peer.close()
        if started.returncode is None:
            started.send_signal(signal.SIGKILL)
        await started.wait()


async def plant(home: Path) -> None:
    client = Client(home, WHO)
    for number in range(20):
        await client.remember(f"{SECRET} {number}", session=f"{SECRET}-s" if number % 2 else "", role=(
            "user" if number % 2 else ""
        ), idempotency_key=f"k{number}")  # fmt: skip
    await client.add(f"{SECRET} in a document. ".encode() * 200, name=f"{SECRET}.md")
    await client.peer.close()


async def erase(home: Path) -> None:
    admin = Client(home, "boss", Role.ADMIN)
    stub, request = SubjectServiceStub(admin.peer.channel), subjects_pb2.EraseSubjectRequest(subject=WHO)
    await admin.peer.unary(stub.EraseSubject, request, subjects_pb2.EraseSubjectResponse)
    await admin.peer.close()


async def ended(home: Path, count: int) -> None:
    """So many erasures have ended, and what they deleted is overwritten in every file."""
    admin = Client(home, "boss", Role.ADMIN)
    stub = SubjectServiceStub(admin.peer.channel)

    async def held() -> bool:
        listing = await admin.peer.unary(
            stub.ListErasures, subjects_pb2.ListErasuresRequest(), subjects_pb2.ListErasuresResponse
        )
        return sum(each.HasField("ended_at") for each in listing.erasures) >= count and not leftovers(home)

    await until(held)
    await admin.peer.close()


def leftovers(home: Path) -> list[Path]:
    """Files with a byte of what was planted in them, or in their names."""
    found = []
    for file in home.rglob("*"):
        try:
            content = file.read_bytes() if file.is_file() else b""
        except FileNotFoundError:
            continue
        if "canary" in file.name or b"canary" in content:
            found.append(file)
    return found


async def test_killed_at_any_moment_it_ends_and_a_backup_is_erased_again(
    environment: dict[str, str], tmp_path: Path
) -> None:
    home, chance = Path(environment["COLONNADE_HOME"]), random.Random(7)
    async with process(environment):
        await plant(home)
        stranger = Client(home, "bob")
        kept = await stranger.remember("Nothing of hers")
        await stranger.peer.close()
    shutil.copytree(home / "data" / "memory", tmp_path / "backup")
    assert leftovers(home), "it was there"
    async with process(environment):
        await erase(home)
    for _ in range(KILLS):
        async with process(environment):
            await asyncio.sleep(chance.uniform(0, 0.6))
    async with process(environment):
        await ended(home, 1)
    shutil.rmtree(home / "data" / "memory")
    shutil.copytree(tmp_path / "backup", home / "data" / "memory")
    assert leftovers(home), "the backup brought it back"
    async with process(environment):
        await ended(home, 1)
        stranger = Client(home, "bob")
        assert [each.id for each in (await stranger.listed()).memories] == [kept.id]
        await stranger.peer.close()
