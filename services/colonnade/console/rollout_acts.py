"""What a person may do to a rollout: an act asks for a reason, and carries the revision that was seen."""

from collections.abc import Awaitable, Callable

from nicegui import ui

from colonnade.client import AsyncColonnade, Rollout
from colonnade.console.drawing import dialog, text
from colonnade.console.refusals import told
from colonnade.console.views.rollouts import Act, acts_of, state_of
from colonnade.console.visit import Visit, done, inline
from colonnade.errors import ColonnadeError, Conflict, InvalidArgument, PermissionDenied, Unauthenticated

_WHY = 1000


class Acts:
    """The buttons stay where they are; what may not be done now is off, and says why below."""

    def __init__(self, visit: Visit, changed: Callable[[], Awaitable[None]]) -> None:
        self._visit = visit
        self._changed = changed
        self._refused = ""
        self._rollout: Rollout | None = None
        with ui.element("div").classes("line").props("role=group aria-label='What you may do'"):
            self._buttons = {
                act: ui.button(label, on_click=lambda act=act: self._ask(act)).props(props)
                for act, label, props in (
                    ("pause", "Pause", "outline"),
                    ("resume", "Resume", "outline"),
                    ("promote", "Promote", ""),
                    ("roll_back", "Roll back", "color=negative"),
                )
            }
        self._hint = text("p", "", "muted")

    def show(self, rollout: Rollout) -> None:
        self._rollout = rollout
        acts = acts_of(rollout, self._refused)
        for act in acts:
            self._buttons[act.name].set_enabled(not act.hint)
        hints = {act.hint: act.label for act in reversed(acts) if act.hint}
        alike = len(hints) == 1 and all(act.hint for act in acts)
        lines = [hint if alike else f"{label}: {hint}" for hint, label in reversed(hints.items())]
        self._hint.text = " ".join(lines)

    def _ask(self, name: str) -> None:
        if (rollout := self._rollout) is None:
            return
        act = next(each for each in acts_of(rollout) if each.name == name)
        with self._visit.page.content:
            ask(self._visit, rollout, act, self._changed, self._denied)

    def _denied(self) -> None:
        """The gateway alone knows what a key may; once it has said so, nothing is offered any more."""
        self._refused = "Your key may not do this; an admin's or a model engineer's may."
        if self._rollout is not None:
            self.show(self._rollout)


def ask(
    visit: Visit,
    rollout: Rollout,
    act: Act,
    changed: Callable[[], Awaitable[None]],
    denied: Callable[[], None],
) -> None:
    """Where somebody was faster, it says what the rollout is now; asked again, it acts on that."""
    seen = rollout
    with dialog(f"{act.label}: {rollout.model}:{rollout.candidate} to {rollout.alias}") as opened:
        text("p", act.told)
        why = ui.textarea("Why").props(f"autogrow autofocus maxlength={_WHY}")
        refusal = ui.element("div")

        async def go() -> None:
            nonlocal seen
            refusal.clear()
            try:
                await _send(visit.client, act.name, seen, str(why.value or "").strip())
            except Unauthenticated:
                await visit.leave()
            except ColonnadeError as error:
                with refusal:
                    inline(told(error))
                if isinstance(error, PermissionDenied):
                    denied()
                if isinstance(error, Conflict):
                    async with visit.acting():
                        seen = await visit.client.rollouts.get(rollout.id)
                        with refusal:
                            text("p", f"It is now: {state_of(seen)}.", "muted")
            else:
                opened.close()
                done(f"{act.label}: done.")
                await changed()

        with ui.element("div").classes("line"):
            button = ui.button(act.label, on_click=go)
            if act.name == "roll_back":
                button.props("color=negative")
            ui.button("Cancel", on_click=opened.close).props("outline")


async def _send(client: AsyncColonnade, act: str, seen: Rollout, why: str) -> None:
    if not why:
        raise InvalidArgument("say why; it is kept with the rollout", field="why")
    call = getattr(client.rollouts, act)
    await call(seen.id, why=why, expected_revision=seen.revision)
