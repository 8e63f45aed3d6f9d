"""What lies in jobs' folders: what runs left, and models that are brought."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from colonnade.errors import ColonnadeError, Conflict, InvalidArgument, NotFound
from colonnade.storage.blobs import LocalBlobStore
from colonnade.training.adapters.brought_models import BroughtModels
from colonnade.training.adapters.run_outputs import RunOutputs
from colonnade.training.domain import ModelVersion
from colonnade.training.publishing.ports import File
from tests.unit.training.registries import digest_of

JOB, FIELD = "job_01", "model.from"
CONTENT = b"weights" * 100_000
WEIGHTS = File("model.safetensors", len(CONTENT), digest_of(CONTENT))
VERSION = ModelVersion("smol", 3, f"sha256:{'0' * 64}")


async def pieces(*found: bytes) -> AsyncIterator[bytes]:
    for each in found:
        yield each


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / JOB / "run" / "model"
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(CONTENT)
    (folder / "config.json").write_text("{}")
    return folder


async def test_what_a_run_left(tmp_path: Path, model: Path) -> None:
    outputs = RunOutputs(tmp_path)
    (model / "notes.bin").write_text("not of a model")
    (model / ".hidden.json").write_text("{}")
    (model / "empty.txt").touch()
    (model.parent / "result.json").write_text('{"step": 2}')
    found = await outputs.files(JOB, adapter=False)
    assert found == [File("config.json", 2, digest_of(b"{}")), WEIGHTS]
    assert await outputs.result(JOB) == {"step": 2}
    read = [piece async for piece in outputs.read(JOB, "model.safetensors", 7, adapter=False)]
    assert b"".join(read) == CONTENT[7:]
    with pytest.raises(NotFound, match="no adapter/"):
        await outputs.files(JOB, adapter=True)


@pytest.mark.parametrize("said", ["", "[1]", "{", "nul", "[" * 100_000])
async def test_a_result_that_is_damaged(tmp_path: Path, model: Path, said: str) -> None:
    (model.parent / "result.json").write_text(said)
    with pytest.raises(InvalidArgument, match="damaged"):
        await RunOutputs(tmp_path).result(JOB)
    with pytest.raises(NotFound):
        await RunOutputs(tmp_path).result("job_02")


async def test_links_and_folders_in_the_place_of_files_are_not_read(tmp_path: Path, model: Path) -> None:
    secret = tmp_path / "secret.json"
    secret.write_text('{"key": 1}')
    for name, make in (("a.json", lambda path: Path(path).symlink_to(secret)), ("b.json", Path.mkdir)):
        make(model / name)
        with pytest.raises(ColonnadeError, match="of the run"):
            await RunOutputs(tmp_path).files(JOB, adapter=False)
        (model / name).rename(tmp_path / name)
    model.rename(tmp_path / "elsewhere")
    model.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(NotFound):
        await RunOutputs(tmp_path).files(JOB, adapter=False)


async def test_a_model_is_sent_in_pieces_and_goes_on_where_it_broke_off(tmp_path: Path) -> None:
    models = BroughtModels(tmp_path, LocalBlobStore(tmp_path / "blobs"))
    assert not await models.linked(JOB, FIELD, WEIGHTS)

    async def broken() -> AsyncIterator[bytes]:
        yield CONTENT[:1000]
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await models.append(JOB, FIELD, WEIGHTS, 0, broken())
    assert await models.received(JOB, FIELD, WEIGHTS) == 1000
    await models.append(JOB, FIELD, WEIGHTS, 1000, pieces(CONTENT[1000:5000], CONTENT[5000:]))
    assert (models.folder(JOB, FIELD) / WEIGHTS.path).read_bytes() == CONTENT
    assert await models.linked(JOB, FIELD, WEIGHTS)
    assert not await models.there(JOB, FIELD, VERSION)
    await models.complete(JOB, FIELD, VERSION)
    assert await models.there(JOB, FIELD, VERSION)
    assert not await models.there(JOB, FIELD, ModelVersion("smol", 4, f"sha256:{'1' * 64}"))
    assert await models.kept() == [JOB]
    await models.take_away(JOB)
    assert (await models.kept(), await models.there(JOB, FIELD, VERSION)) == ([], False)


async def test_what_arrives_as_something_else_is_not_kept(tmp_path: Path) -> None:
    models = BroughtModels(tmp_path, LocalBlobStore(tmp_path / "blobs"))
    with pytest.raises(Conflict, match="something else"):
        await models.append(JOB, FIELD, WEIGHTS, 0, pieces(CONTENT[:-1] + b"x"))
    assert await models.received(JOB, FIELD, WEIGHTS) == 0
    assert not (models.folder(JOB, FIELD) / WEIGHTS.path).exists()


async def test_what_lies_on_this_machine_is_linked(tmp_path: Path) -> None:
    blobs = LocalBlobStore(tmp_path / "blobs")
    blob = await blobs.put_bytes(CONTENT)
    models = BroughtModels(tmp_path, blobs)
    assert await models.linked(JOB, FIELD, WEIGHTS)
    there, kept = models.folder(JOB, FIELD) / WEIGHTS.path, await blobs.open_path(blob.digest)
    assert there.samefile(kept)
    await models.take_away(JOB)
    assert kept.read_bytes() == CONTENT


@pytest.mark.parametrize("path", ["../x.json", "/etc/x.json", "a/../../x.json", "x.py"])
async def test_a_path_that_leads_elsewhere_is_refused(tmp_path: Path, path: str) -> None:
    models = BroughtModels(tmp_path, LocalBlobStore(tmp_path / "blobs"))
    with pytest.raises(InvalidArgument):
        await models.append(JOB, FIELD, File(path, 1, digest_of(b"x")), 0, pieces(b"x"))
