"""The pages in the navigation. A file in ``pages`` is a place: it has a ``PLACE``, and is found by itself."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from colonnade.console.visit import Visit

Build = Callable[["Visit"], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Place:
    """``order`` sorts the navigation. ``below`` are pages that belong here without a line of their own there,
    by their path, as ``/models/{name}``."""

    path: str
    title: str
    order: int
    build: Build
    below: Mapping[str, Build] = field(default_factory=dict)
    coming: bool = False
    """Not part of this installation yet."""


def all_places() -> tuple[Place, ...]:
    """Of every module in ``pages``, in the order of the navigation."""
    from colonnade.console import pages

    modules = (import_module(f"{pages.__name__}.{found.name}") for found in iter_modules(pages.__path__))
    return tuple(sorted((module.PLACE for module in modules), key=lambda place: place.order))
