"""Versions on their way to an alias: those under way first, and each on a page of its own."""

from collections.abc import Callable, Sequence

from nicegui import ui

from colonnade.client import AliasTarget, AsyncColonnade, Rollout
from colonnade.console.drawing import Cell, empty, panel, shares, table, text
from colonnade.console.live import Live, piece
from colonnade.console.places import Place
from colonnade.console.rollout_page import build_rollout
from colonnade.console.views.formats import moment
from colonnade.console.views.links import rollout_link
from colonnade.console.views.rollouts import age, state_of
from colonnade.console.visit import Visit

_EVERY_SECONDS = 2.0
_HEADS = ("Rollout", "Ended as", "Why", "Policy", "Begun", "By")


async def build(visit: Visit) -> None:
    ended: list[Rollout] = []
    seen: set[str] | None = None

    async def load(client: AsyncColonnade) -> tuple[list[Rollout], list[Rollout]]:
        """What has ended is asked for only when there may be more of it."""
        nonlocal seen
        going = await client.rollouts.list(under_way=True)
        if seen is None or seen != {rollout.id for rollout in going}:
            ended[:] = [rollout for rollout in await client.rollouts.list() if rollout.ended]
            seen = {rollout.id for rollout in going}
        return going, list(ended)

    await Live(visit, load, _build).follow(_EVERY_SECONDS)
    text("p", f"Looked at every {_EVERY_SECONDS:.0f} seconds.", "muted")


_Loaded = tuple[list[Rollout], list[Rollout]]


def _build(loaded: _Loaded) -> Callable[[_Loaded], None]:
    nothing = piece(_are_none, _nothing)
    with panel("Under way"):
        going = UnderWay()
    ended = piece(_that_ended, _ended)

    def show(loaded: _Loaded) -> None:
        nothing(loaded)
        going.show(loaded[0])
        ended(loaded)

    return show


def _are_none(loaded: _Loaded) -> bool:
    return not any(loaded)


def _that_ended(loaded: _Loaded) -> list[Rollout]:
    return loaded[1]


def _nothing(there_is_none: bool) -> None:
    if not there_is_none:
        return
    empty(
        "No version has gone through a rollout yet.",
        "Import a second version of a model; then, on the model's page: Promote through a rollout. "
        "Or type: colonnade rollout start MODEL VERSION",
    )
    ui.link("To the models", "/models")


class UnderWay:
    """Each stays where it is while it goes on, so that whoever is at its link stays there."""

    def __init__(self) -> None:
        self._none = text("p", "No rollout is under way.", "muted")
        self._box = ui.element("div")
        self._shown: dict[str, tuple[ui.element, Callable[[Rollout], None]]] = {}

    def show(self, rollouts: Sequence[Rollout]) -> None:
        self._none.set_visibility(not rollouts)
        for gone in set(self._shown) - {rollout.id for rollout in rollouts}:
            self._shown.pop(gone)[0].delete()
        for rollout in rollouts:
            if rollout.id not in self._shown:
                with self._box, ui.element("article").classes("alias") as box:
                    self._shown[rollout.id] = box, _going(rollout)
            self._shown[rollout.id][1](rollout)


def _going(rollout: Rollout) -> Callable[[Rollout], None]:
    with ui.element("h3"):
        _link(rollout)
    state = text("p", "", "state-of")
    weights = piece(_targets, shares)
    begun = text("p", "", "muted")

    def show(rollout: Rollout) -> None:
        state.text = state_of(rollout)
        weights(rollout)
        policy = rollout.policy or "a plan of its own"
        begun.text = f"begun {age(rollout.created_at)} by {rollout.created_by or 'unknown'}, by {policy}"

    return show


def _targets(rollout: Rollout) -> Sequence[AliasTarget]:
    return rollout.targets


def _ended(rollouts: list[Rollout]) -> None:
    if rollouts:
        with panel("Ended"):
            table("Rollouts that have ended", _HEADS, map(_row, rollouts), whole=("Ended as", "Begun"))


def _row(rollout: Rollout) -> tuple[Cell, ...]:
    return (
        lambda: _link(rollout),
        lambda: text("span", state_of(rollout), f"state-of {rollout.state}"),
        lambda: text("div", rollout.reason, "clamped"),
        rollout.policy or "a plan of its own",
        moment(rollout.created_at, "unknown"),
        rollout.created_by or "unknown",
    )


def _link(rollout: Rollout) -> None:
    ui.link(f"{rollout.model}:{rollout.candidate} to {rollout.alias}", rollout_link(rollout.id))


PLACE = Place("/rollouts", "Rollouts", 30, build, below={"/rollouts/{id}": build_rollout})
