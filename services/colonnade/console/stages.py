"""The stages of a plan, one after the other."""

from collections.abc import Sequence

from nicegui import ui

from colonnade.client import Plan
from colonnade.console.drawing import table, text
from colonnade.console.views.objectives import bound_of, gate_bound, name_of
from colonnade.console.views.rollouts import Stage, titles_of

_SIGNS = {"done": "\u2713", "failed": "\u2715", "now": "\u25b6"}


def draw_stages(stages: Sequence[Stage]) -> None:
    with ui.element("ol").classes("stages"):
        for stage in stages:
            with ui.element("li").classes(f"stage {stage.state}") as item:
                if stage.state == "now":
                    item.props("aria-current=step")
                with ui.element("p").classes("stage-title"):
                    if sign := _SIGNS.get(stage.state):
                        text("span", f"{sign} ").props("aria-hidden=true")
                    text("span", stage.title)
                text("p", stage.told, "muted")
                text("p", stage.state, "unseen" if stage.state in ("now", "ahead") else "muted")


def draw_plan(plan: Plan) -> None:
    """What a rollout by it will do: its stages, its gates, and what takes it back."""
    draw_stages([Stage(title, told, "ahead") for title, told in titles_of(plan)])
    if plan.gates:
        rows = [(name_of(gate.probe), gate_bound(gate)) for gate in plan.gates]
        table("Gates of the plan", ("Gate", "Passed by"), rows)
    if plan.objectives:
        text("p", "It is taken back as soon as one of these does not hold:", "muted")
        with ui.element("ul"):
            for measure, bound in plan.objectives.items():
                text("li", f"{name_of(measure)} {bound_of(measure, bound)}")
