"""Versions are changed in every way that somebody might, and none that was is accepted."""

import asyncio
import base64
import json
import random
import string
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from colonnade.engine.artefacts import Artefact, Manifest, verified
from colonnade.engine.runtime import ModelRef
from colonnade.engine.seals import Seals, sealed_of
from colonnade.errors import ColonnadeError
from colonnade.security.seals import SigningKey, Trusted, publish, signed
from colonnade.storage.blobs import LocalBlobStore
from colonnade.storage.versions import version_digest

SEED = 20261123
FILES = {"colonnade.json": 40, "config.json": 90, "model.safetensors": 400, "tokenizer/tokenizer.json": 200}
ALPHABET = string.ascii_letters + string.digits + '+/="{}:,'
BASE = f"sha256:{'b' * 64}"


class Range:
    """Two models with two versions each, and adapters of one; all signed, all good."""

    def __init__(self, root: Path) -> None:
        self.root, self.blobs = root, LocalBlobStore(root / "blobs")
        self.key, self.stranger = SigningKey.generate(), SigningKey.generate()
        publish(self.key, root / "keys")
        self.seals = Seals(Trusted((root / "keys",)))
        self.chance = random.Random(SEED)
        self.good = [
            self.made(name, number, "acme", family)
            for name, family in (("poet", "transformer"), ("clerk", "transformer"), ("style", "lora"))
            for number in (1, 2)
        ]

    def made(self, name: str, number: int, tenant: str, family: str) -> Manifest:
        contents = {path: self.chance.randbytes(size) for path, size in FILES.items()}
        artefacts = [
            Artefact(path, asyncio.run(self.put(data)), len(data)) for path, data in contents.items()
        ]
        ref = ModelRef(name, number, version_digest(family, artefacts))
        base = BASE if family == "lora" else ""
        plain = Manifest(ref, family, 1000, artefacts, tenant, "1K", 128, base)
        return self.signed(plain, self.key)

    def signed(self, manifest: Manifest, key: SigningKey) -> Manifest:
        return replace(manifest, seal=signed(sealed_of(manifest), key))

    async def put(self, data: bytes) -> str:
        path = self.root / "draft"
        path.write_bytes(data)
        return (await self.blobs.put_file(path)).digest

    def path(self, artefact: Artefact) -> Path:
        hexadecimal = artefact.digest.removeprefix("sha256:")
        return self.root / "blobs" / "sha256" / hexadecimal[:2] / hexadecimal

    async def load(self, manifest: Manifest) -> None:
        """What every engine does before it uses a byte."""
        await self.seals.check(manifest)
        await verified(self.blobs, manifest, lambda _: None)

    async def refuses(self, manifest: Manifest) -> bool:
        try:
            await self.load(manifest)
        except ColonnadeError:
            return True
        return False

    def pick(self) -> Manifest:
        return self.chance.choice(self.good)

    def other(self, than: Manifest) -> Manifest:
        return self.chance.choice([each for each in self.good if each is not than])

    def file(self, manifest: Manifest) -> Artefact:
        return self.chance.choice(list(manifest.artefacts))

    async def with_contents(self, changes: dict[Path, bytes | None], manifest: Manifest) -> bool:
        """Whether it is refused while files have this content, or are gone."""
        before = {path: path.read_bytes() for path in changes}
        try:
            for path, content in changes.items():
                path.unlink()
                if content is not None:
                    path.write_bytes(content)
            return await self.refuses(manifest)
        finally:
            for path, content in before.items():
                path.unlink(missing_ok=True)
                path.write_bytes(content)


def renamed(manifest: Manifest, name: str, number: int) -> Manifest:
    return replace(manifest, ref=replace(manifest.ref, name=name, version=number))


def with_content_of(manifest: Manifest, other: Manifest) -> Manifest:
    """As a row of the database says that was pointed elsewhere."""
    content = replace(other, ref=ModelRef(manifest.ref.name, manifest.ref.version, other.ref.digest))
    return replace(content, seal=manifest.seal)


def flipped(data: bytes, chance: random.Random) -> bytes:
    changed = bytearray(data)
    changed[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    return bytes(changed)


async def bit_flip(drill: Range) -> bool:
    one = drill.pick()
    path = drill.path(drill.file(one))
    return await drill.with_contents({path: flipped(path.read_bytes(), drill.chance)}, one)


async def truncation(drill: Range) -> bool:
    one = drill.pick()
    path = drill.path(drill.file(one))
    content = path.read_bytes()
    return await drill.with_contents({path: content[: drill.chance.randrange(len(content))]}, one)


async def extension(drill: Range) -> bool:
    one = drill.pick()
    path = drill.path(drill.file(one))
    more = drill.chance.randbytes(drill.chance.randint(1, 64))
    return await drill.with_contents({path: path.read_bytes() + more}, one)


async def file_gone(drill: Range) -> bool:
    one = drill.pick()
    return await drill.with_contents({drill.path(drill.file(one)): None}, one)


async def files_swapped(drill: Range) -> bool:
    one = drill.pick()
    first, second = map(drill.path, drill.chance.sample(list(one.artefacts), 2))
    return await drill.with_contents({first: second.read_bytes(), second: first.read_bytes()}, one)


async def versions_swapped(drill: Range) -> bool:
    one = drill.pick()
    return await drill.refuses(with_content_of(one, drill.other(one)))


async def rolled_back(drill: Range) -> bool:
    """With the seal of the older version, or with its own."""
    old, new = drill.chance.choice([(0, 1), (2, 3), (4, 5)])
    back = with_content_of(drill.good[new], drill.good[old])
    seal = drill.good[drill.chance.choice((old, new))].seal
    return await drill.refuses(replace(back, seal=seal))


async def seal_of_another(drill: Range) -> bool:
    one = drill.pick()
    return await drill.refuses(replace(one, seal=drill.other(one).seal))


async def another_name(drill: Range) -> bool:
    one = drill.pick()
    return await drill.refuses(renamed(one, f"{one.ref.name}-{drill.chance.randrange(9)}", one.ref.version))


async def another_number(drill: Range) -> bool:
    one = drill.pick()
    return await drill.refuses(renamed(one, one.ref.name, one.ref.version + drill.chance.randint(1, 99)))


async def another_tenant(drill: Range) -> bool:
    return await drill.refuses(replace(drill.pick(), tenant=f"acme{drill.chance.randrange(9)}"))


async def facts_changed(drill: Range) -> bool:
    one = drill.pick()
    changes: list[dict[str, object]] = [
        {"family": "encoder"},
        {"parameters": one.parameters + drill.chance.randint(1, 9)},
        {"size_label": "7B"},
        {"context_length": one.context_length * 2},
        {"base": f"sha256:{drill.chance.randrange(2**60):064x}"},
    ]
    return await drill.refuses(replace(one, **drill.chance.choice(changes)))  # type: ignore[arg-type]


async def path_changed(drill: Range) -> bool:
    """With the digest that the version then has, or with the one that it had."""
    one = drill.pick()
    moved, *rest = drill.chance.sample(list(one.artefacts), len(one.artefacts))
    files = [replace(moved, path=f"{drill.chance.randrange(99)}-{moved.path}"), *rest]
    return await drill.refuses(_with_files(one, files, drill.chance))


async def file_added(drill: Range) -> bool:
    one = drill.pick()
    more = replace(drill.file(drill.other(one)), path=f"more-{drill.chance.randrange(99)}.json")
    return await drill.refuses(_with_files(one, [*one.artefacts, more], drill.chance))


async def file_removed(drill: Range) -> bool:
    one = drill.pick()
    left = drill.chance.sample(list(one.artefacts), len(one.artefacts) - 1)
    return await drill.refuses(_with_files(one, left, drill.chance))


async def size_changed(drill: Range) -> bool:
    one = drill.pick()
    first, *rest = one.artefacts
    files = [replace(first, size_bytes=first.size_bytes + 1), *rest]
    return await drill.refuses(_with_files(one, files, drill.chance))


async def wrong_key(drill: Range) -> bool:
    """Signed well, by somebody nobody trusts, who may say that it was who is trusted."""
    one = drill.pick()
    seal = drill.signed(one, drill.stranger).seal
    if drill.chance.random() < 0.5:
        seal = seal.replace(drill.stranger.id, drill.key.id)
    return await drill.refuses(replace(one, seal=seal))


async def seal_damaged(drill: Range) -> bool:
    """A letter of the seal is another, somewhere where that changes what it says."""
    one = drill.pick()
    changed = one.seal
    while _meaning(changed) == _meaning(one.seal):
        at = drill.chance.randrange(len(one.seal))
        changed = one.seal[:at] + drill.chance.choice(ALPHABET) + one.seal[at + 1 :]
    return await drill.refuses(replace(one, seal=changed))


async def seal_cut(drill: Range) -> bool:
    one = drill.pick()
    return await drill.refuses(replace(one, seal=one.seal[: drill.chance.randrange(len(one.seal))]))


def _with_files(manifest: Manifest, files: list[Artefact], chance: random.Random) -> Manifest:
    digest = version_digest(manifest.family, files) if chance.random() < 0.5 else manifest.ref.digest
    return replace(manifest, artefacts=files, ref=replace(manifest.ref, digest=digest))


def _meaning(seal: str) -> object:
    """All but the names that the format has no use for, and the unused bits of base64's last letters; None
    for what is no seal."""
    try:
        said = json.loads(seal)
        envelope = said["dsseEnvelope"]
        return (
            said["mediaType"],
            said["verificationMaterial"]["publicKey"]["hint"],
            envelope["payloadType"],
            base64.b64decode(envelope["payload"], validate=True),
            [base64.b64decode(each["sig"], validate=True) for each in envelope["signatures"]],
        )
    except (ValueError, KeyError, TypeError):
        return None


MUTATIONS: tuple[Callable[[Range], object], ...] = (
    bit_flip, truncation, extension, file_gone, files_swapped, versions_swapped, rolled_back, seal_of_another,
    another_name, another_number, another_tenant, facts_changed, path_changed, file_added, file_removed,
    size_changed, wrong_key, seal_damaged, seal_cut,
)  # fmt: skip


@pytest.mark.parametrize("count", [500, pytest.param(10_000, marks=pytest.mark.slow)])
async def test_nothing_that_was_changed_is_accepted(tmp_path: Path, count: int) -> None:
    drill = await asyncio.to_thread(Range, tmp_path)
    tried, accepted = Counter[str](), Counter[str]()
    for number in range(count):
        mutation = MUTATIONS[number % len(MUTATIONS)]
        refused = await mutation(drill)  # type: ignore[misc]
        tried[mutation.__name__] += 1
        accepted[mutation.__name__] += not refused
    rows = [f"{name:18} {times:5} {accepted[name]:8}" for name, times in tried.items()]
    sys.stdout.write("\n".join(["", f"{'mutation':18} tried accepted", *rows, ""]))
    assert accepted.total() == 0
    for each in drill.good:
        await drill.load(each)  # what nobody changed is as good as before
