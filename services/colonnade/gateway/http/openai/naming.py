"""Refusals in the words of the protocol: what the platform calls otherwise gets the name that was sent."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import TypeVar

from colonnade.errors import ColonnadeError

_T = TypeVar("_T")


async def named(items: AsyncGenerator[_T, None], names: Mapping[str, str]) -> AsyncGenerator[_T, None]:
    """``items``; a refusal of theirs that names a field in ``names`` names that field's other name."""
    async with aclosing(items):
        try:
            async for item in items:
                yield item
        except ColonnadeError as error:
            rename(error, names)
            raise


def rename(error: ColonnadeError, names: Mapping[str, str]) -> None:
    """A refusal that names a field in ``names`` names that field's other name from now on."""
    field = error.details.get("field")
    if isinstance(field, str) and field in names:
        error.message = error.message.replace(field, names[field])
        error.details["field"] = names[field]
