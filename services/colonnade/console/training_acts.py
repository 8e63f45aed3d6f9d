"""What a person may do to a job: cancel, resume, retry; each is asked for once more before it is done."""

from nicegui import ui

from colonnade.client import AsyncColonnade, Job
from colonnade.console.act_buttons import ActButtons
from colonnade.console.drawing import dialog, text
from colonnade.console.foot import Do, foot
from colonnade.console.views.acts import Act
from colonnade.console.views.jobs import acts_of, state_of
from colonnade.console.views.links import job_link
from colonnade.console.visit import Visit, done
from colonnade.errors import Conflict

_WHY = 1000


class JobActs:
    def __init__(self, visit: Visit, changed: Do) -> None:
        self._visit = visit
        self._changed = changed
        self._refused = {
            "cancel": visit.why_not("POST /training/jobs/{id}/cancel", "Cancelling a job"),
            "resume": visit.why_not("POST /training/jobs/{id}/resume", "Training"),
            "retry": visit.why_not("POST /training/jobs/{id}/retry", "Training"),
        }
        self._job: Job | None = None
        self._buttons = ActButtons(
            [("cancel", "Cancel", "color=negative"), ("resume", "Resume", ""), ("retry", "Retry", "outline")],
            self._ask,
        )

    def show(self, job: Job) -> None:
        self._job = job
        self._buttons.show(acts_of(job, self._refused))

    def _ask(self, name: str) -> None:
        if (job := self._job) is None:
            return
        act = next(each for each in acts_of(job) if each.name == name)
        with self._visit.page.content:
            _confirm(self._visit, job, act, self._changed)


def _confirm(visit: Visit, job: Job, act: Act, changed: Do) -> None:
    """Where it is too late, it says what the job is now."""
    cancels = act.name == "cancel"
    with dialog(f"{act.label} {job.name}") as opened:
        text("p", act.told)
        why = ui.textarea("Why (may be left empty)").props(f"autogrow maxlength={_WHY}") if cancels else None
        now = text("p", "", "muted").props("role=status")

        async def go() -> None:
            try:
                after = await _send(visit.client, act.name, job.id, str(why.value or "") if why else "")
            except Conflict:
                now.text = f"It is now: {state_of(await visit.client.jobs.get(job.id))}."
                raise
            opened.close()
            if after.id != job.id:
                ui.navigate.to(job_link(after.id))
                return
            done(f"{act.label}: done.")
            await changed()

        foot(
            visit,
            opened,
            (_LABELS[act.name], go, "color=negative" if cancels else ""),
            back="Leave it as it is",
        )


_LABELS = {"cancel": "Cancel the job", "resume": "Resume the job", "retry": "Begin a new job"}


async def _send(client: AsyncColonnade, act: str, job_id: str, why: str) -> Job:
    if act == "cancel":
        return await client.jobs.cancel(job_id, why=why.strip() or None)
    return await (client.jobs.resume(job_id) if act == "resume" else client.jobs.retry(job_id))
