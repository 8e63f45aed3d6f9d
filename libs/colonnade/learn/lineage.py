"""Where weights come from: what a version, a checkpoint and a result say of it, by digest."""

from collections.abc import Mapping

from colonnade.errors import Conflict
from colonnade.learn.checkpoints import Json
from colonnade.learn.code import code_facts
from colonnade.learn.compress.distillation import TEACHER
from colonnade.learn.recipe import AnyRecipe
from colonnade.learn.stored_model import StoredModel
from colonnade.learn.tuning.origin import FIELD

BASE = "base"
TAUGHT = "teacher"
_SAME: Mapping[str, str] = {BASE: FIELD, TAUGHT: TEACHER, "token_set": "data", "examples": "examples"}
"""What a run that goes on must find as it was, and the field that names it."""


def lineage(
    recipe: AnyRecipe,
    data: Mapping[str, Json],
    origin: StoredModel | None,
    teacher: StoredModel | None = None,
) -> dict[str, Json]:
    """``data`` has the digests of what was learnt from, or looked at."""
    return {
        "recipe": recipe.model_dump(mode="json", by_alias=True),
        "recipe_digest": recipe.digest,
        "code": dict(code_facts()),
        **data,
        **({} if origin is None else {BASE: origin.digest}),
        **({} if teacher is None else {TAUGHT: teacher.digest}),
    }


def check_same(before: Mapping[str, Json], now: Mapping[str, Json]) -> None:
    """Raises ``Conflict`` where a checkpoint was made from other things than what the run has now: from
    another base its weights would be others, and on other data it would go on to others."""
    for name, field in _SAME.items():
        if before.get(name) != now.get(name):
            raise Conflict(
                f"the run began with another {field} ({_short(before, name)}, now {_short(now, name)});"
                " put it back, or start a run in a folder of its own",
                field=field,
            )


def _short(facts: Mapping[str, Json], name: str) -> str:
    return str(facts.get(name, "none"))[:19]
