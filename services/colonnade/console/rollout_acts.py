"""What a person may do to a rollout: an act asks for a reason, and carries the revision that was seen."""

from nicegui import ui

from colonnade.client import AsyncColonnade, Rollout
from colonnade.console.act_buttons import ActButtons
from colonnade.console.drawing import dialog, text
from colonnade.console.foot import Do, foot
from colonnade.console.views.acts import Act
from colonnade.console.views.rollouts import acts_of, state_of
from colonnade.console.visit import Visit, done
from colonnade.errors import Conflict, InvalidArgument

_WHY = 1000


class Acts:
    def __init__(self, visit: Visit, changed: Do) -> None:
        self._visit = visit
        self._changed = changed
        self._refused = visit.why_not("POST /rollouts/{id}/promote", "Steering a rollout")
        self._rollout: Rollout | None = None
        self._buttons = ActButtons(
            [
                ("pause", "Pause", "outline"),
                ("resume", "Resume", "outline"),
                ("promote", "Promote", ""),
                ("roll_back", "Roll back", "color=negative"),
            ],
            self._ask,
        )

    def show(self, rollout: Rollout) -> None:
        self._rollout = rollout
        self._buttons.show(acts_of(rollout, self._refused))

    def _ask(self, name: str) -> None:
        if (rollout := self._rollout) is None:
            return
        act = next(each for each in acts_of(rollout) if each.name == name)
        with self._visit.page.content:
            ask(self._visit, rollout, act, self._changed)


def ask(visit: Visit, rollout: Rollout, act: Act, changed: Do) -> None:
    """Where somebody was faster, it says what the rollout is now; asked again, it acts on that."""
    seen = rollout
    with dialog(f"{act.label}: {rollout.model}:{rollout.candidate} to {rollout.alias}") as opened:
        text("p", act.told)
        why = ui.textarea("Why").props(f"autogrow autofocus maxlength={_WHY}")
        now = text("p", "", "muted").props("role=status")

        async def go() -> None:
            nonlocal seen
            try:
                await _send(visit.client, act.name, seen, str(why.value or "").strip())
            except Conflict:
                seen = await visit.client.rollouts.get(rollout.id)
                now.text = f"It is now: {state_of(seen)}."
                raise
            opened.close()
            done(f"{act.label}: done.")
            await changed()

        foot(visit, opened, (act.label, go, "color=negative" if act.name == "roll_back" else ""))


async def _send(client: AsyncColonnade, act: str, seen: Rollout, why: str) -> None:
    if not why:
        raise InvalidArgument("say why; it is kept with the rollout", field="why")
    call = getattr(client.rollouts, act)
    await call(seen.id, why=why, expected_revision=seen.revision)
