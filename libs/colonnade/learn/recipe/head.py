"""What every kind of recipe begins with, and how its digest is made."""

import hashlib
import json
from collections.abc import Mapping
from typing import Annotated, Any, TypeAlias

from pydantic import Field

Name: TypeAlias = Annotated[
    str,
    Field(
        pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$",
        description="What the run is called, and what it makes where output does not say otherwise: a model;"
        " of an evaluation, the suite that it is recorded as.",
    ),
]
Description: TypeAlias = Annotated[
    str, Field(max_length=2000, description="What it is for, in a sentence or two.")
]


def digest_of(said: Mapping[str, Any]) -> str:
    """Of JSON values, whatever their order."""
    spelt = json.dumps(said, sort_keys=True, separators=(",", ":"))
    return "sha256:" + hashlib.sha256(spelt.encode()).hexdigest()
