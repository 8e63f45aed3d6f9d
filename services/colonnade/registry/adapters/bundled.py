"""The files of models that come as Python packages."""

from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from colonnade.errors import InvalidArgument, NotFound, Unsupported
from colonnade.storage.blobs import digest_of
from colonnade.storage.bundled import MODELS, PREFIX, Bundled


def locate(name: str) -> Path:
    """The file or folder of ``bundled:<name>``, its content verified. ``NotFound`` with the remedy if it is
    missing."""
    model = MODELS.get(name)
    if model is None:
        raise NotFound(
            f"there is no bundled model of that name; there are: {', '.join(sorted(MODELS))}",
            field="source",
            known=sorted(MODELS),
        )
    path = _file(model)
    published = {path.name: model.digest, **model.beside}
    if not all(_is(path.parent / file, digest) for file, digest in published.items()):
        raise InvalidArgument(
            f"the bundled model {name} is not the one that was published: its digest differs; "
            f"install it again: {model.remedy}",
            field="source",
        )
    return path.parent if model.beside else path


def _is(path: Path, digest: str) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return digest_of(file) == digest


def _file(model: Bundled) -> Path:
    try:
        files = distribution(model.package).files or []
    except PackageNotFoundError:
        files = []
    for entry in files:
        path = Path(str(entry.locate()))
        if entry.name == model.file and path.is_file():
            return path
    raise NotFound(
        f"the bundled model's package is not installed; run: {model.remedy}",
        field="source",
        package=model.package,
    )


def name_of(source: str) -> str | None:
    """The name in ``bundled:<name>``; None for a source of another kind. A URL is refused."""
    if source.startswith(PREFIX):
        return source.removeprefix(PREFIX)
    if "://" in source:
        raise Unsupported(
            "models are fetched from http and https URLs alone; give one, a folder or a .gguf file on the "
            f"registry's machine, or one of: {', '.join(PREFIX + name for name in sorted(MODELS))}",
            field="source",
        )
    return None
