"""Versions on their way to an alias: those under way first, and each on a page of its own."""

from collections.abc import Callable, Sequence

from nicegui import ui

from colonnade.client import AliasTarget, AsyncColonnade, Rollout
from colonnade.console.drawing import Cell, empty, shares, text
from colonnade.console.live import piece
from colonnade.console.places import Place
from colonnade.console.rollout_page import build_rollout
from colonnade.console.under_way import Course, follow
from colonnade.console.views.formats import moment
from colonnade.console.views.links import rollout_link
from colonnade.console.views.rollouts import age, state_of
from colonnade.console.visit import Visit


async def build(visit: Visit) -> None:
    await follow(visit, _COURSE)


async def _are_going(client: AsyncColonnade) -> list[Rollout]:
    return await client.rollouts.list(under_way=True)


async def _have_ended(client: AsyncColonnade) -> list[Rollout]:
    return [rollout for rollout in await client.rollouts.list() if rollout.ended]


def _nothing() -> None:
    empty(
        "No version has gone through a rollout yet.",
        "Import a second version of a model; then, on the model's page: Promote through a rollout. "
        "Or type: colonnade rollout start MODEL VERSION",
    )
    ui.link("To the models", "/models")


def _card(rollout: Rollout) -> Callable[[Rollout], None]:
    with ui.element("h3"):
        _link(rollout)
    state = text("p", "", "state-of")
    weights = piece(_targets, shares)
    begun = text("p", "", "muted")

    def show(rollout: Rollout) -> None:
        state.text = state_of(rollout)
        weights(rollout)
        begun.text = f"begun {age(rollout.created_at)} by {_by(rollout)}, by {_policy(rollout)}"

    return show


def _targets(rollout: Rollout) -> Sequence[AliasTarget]:
    return rollout.targets


def _row(rollout: Rollout) -> tuple[Cell, ...]:
    return (
        lambda: _link(rollout),
        lambda: text("span", state_of(rollout), f"state-of {rollout.state}"),
        lambda: text("div", rollout.reason, "clamped"),
        _policy(rollout),
        moment(rollout.created_at, "unknown"),
        _by(rollout),
    )


def _policy(rollout: Rollout) -> str:
    return rollout.policy or "a plan of its own"


def _by(rollout: Rollout) -> str:
    return rollout.created_by or "unknown"


def _link(rollout: Rollout) -> None:
    ui.link(f"{rollout.model}:{rollout.candidate} to {rollout.alias}", rollout_link(rollout.id))


_COURSE = Course(
    going=_are_going,
    ended=_have_ended,
    idle="No rollout is under way.",
    nothing=_nothing,
    card=_card,
    caption="Rollouts that have ended",
    heads=("Rollout", "Ended as", "Why", "Policy", "Begun", "By"),
    row=_row,
    whole=("Ended as", "Begun"),
)
PLACE = Place("/rollouts", "Rollouts", 30, build, below={"/rollouts/{id}": build_rollout})
