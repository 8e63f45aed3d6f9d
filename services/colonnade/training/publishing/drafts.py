"""The draft that a job's version comes of: begun under the job's own key, so that there is one."""

from collections.abc import Mapping

from colonnade.errors import Conflict
from colonnade.security.identity import Principal
from colonnade.training.domain import IMPORT, Job
from colonnade.training.publishing.ports import Draft, Registry

NEWEST: Mapping[str, str] = {"train": "trained", "convert": "converted", IMPORT: "imported"}
"""The alias that each version takes, by its job's kind. The registry would put a model's first version into
production, where nobody has asked for that."""
BEING_MADE = frozenset({"waiting", "importing"})
_MOST = 20
"""That were discarded one after the other."""


async def begun(registry: Registry, who: Principal, job: Job) -> Draft:
    """Also where it was begun before; another one where that was discarded."""
    output, base, kind = job.asked.output, job.brought.get("model.from"), job.asked.kind
    reference = str(base) if output.adapter and base else ""
    for number in range(_MOST):
        key = f"{kind}-{job.id}-{number}"
        draft = await registry.begin(who, output.model, reference, NEWEST[kind], key, job.asked.source)
        if draft.state != "discarded":
            return draft
    raise Conflict("its drafts were discarded again and again; resume it once they may stay")
