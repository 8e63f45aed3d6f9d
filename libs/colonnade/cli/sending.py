"""Shows a push as it goes."""

from pathlib import Path
from typing import TYPE_CHECKING

from colonnade.cli.terminal import Step, human_bytes, progress

if TYPE_CHECKING:
    from colonnade.client import Colonnade, Draft
    from colonnade.client.pushing import Sent

_QUARTERS = 4


def send(
    client: "Colonnade",
    source: Path,
    name: str,
    alias: str | None,
    description: str | None,
    base: str | None,
) -> "Draft":
    """All of it is there when this returns; leaving early (Ctrl-C) keeps what arrived."""
    with progress(_QUARTERS) as draw:

        def show(sent: "Sent") -> None:
            draw(step(sent.stage, sent.done, sent.total, sent.path))

        return client.drafts.push(source, name, alias=alias, description=description, base=base, show=show)


def step(stage: str, done: int, total: int, path: str) -> Step:
    told = f"{human_bytes(done)} of {human_bytes(total)}  {path}"
    return Step(stage, done, total, told, last=done == total)
