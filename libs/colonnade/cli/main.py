"""The ``colonnade`` command. Commands import what they need when they run, so that ``--help`` is quick."""

from typing import Annotated

import typer

from colonnade.cli import (
    adapt,
    batches,
    bias,
    cache,
    chat,
    decisions,
    doctor,
    down,
    embed,
    engines,
    events,
    feedback,
    generate,
    jobs,
    keys,
    limits,
    lineage,
    logs,
    memory,
    models,
    policy,
    registry,
    restart,
    rollouts,
    score,
    status,
    subjects,
    tokenize,
    train,
    up,
    usage,
    version,
    webhooks,
    whoami,
)
from colonnade.cli.failures import Group

_SETTINGS = {"help_option_names": ["-h", "--help"]}
_RUN, _USE, _CARE = "Run", "Use", "Look after"

app = typer.Typer(
    cls=Group,
    context_settings=_SETTINGS,
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
)


@app.callback(help="Run and use a Colonnade platform: one command, and POST /generate answers.")
def options(
    version_: Annotated[
        bool, typer.Option("--version", callback=version.own, is_eager=True, help="The version, and exit.")
    ] = False,
) -> None:
    """What comes before a command."""


app.command("up", rich_help_panel=_RUN)(up.up)
app.command("down", rich_help_panel=_RUN)(down.down)
app.command("status", rich_help_panel=_RUN)(status.status)
app.command("restart", rich_help_panel=_RUN)(restart.restart)
app.command("logs", rich_help_panel=_RUN)(logs.logs)
app.command("generate", rich_help_panel=_USE)(generate.generate)
app.command("chat", rich_help_panel=_USE)(chat.chat)
app.command("embed", rich_help_panel=_USE)(embed.embed)
app.command("score", rich_help_panel=_USE)(score.score)
app.command("tokenize", rich_help_panel=_USE)(tokenize.tokenize)
app.add_typer(batches.app, name="batches", rich_help_panel=_USE)
app.add_typer(memory.app, name="memory", rich_help_panel=_USE)
app.command("train", rich_help_panel=_USE)(train.train)
app.add_typer(jobs.app, name="jobs", rich_help_panel=_USE)
app.add_typer(subjects.app, name="subjects", rich_help_panel=_CARE)
app.add_typer(models.app, name="models", rich_help_panel=_CARE)
app.add_typer(rollouts.app, name="rollout", rich_help_panel=_CARE)
app.add_typer(policy.app, name="policy", rich_help_panel=_CARE)
app.command("decisions", rich_help_panel=_CARE)(decisions.decisions)
app.add_typer(feedback.app, name="feedback", rich_help_panel=_USE)
app.add_typer(bias.app, name="bias", rich_help_panel=_CARE)
app.add_typer(adapt.app, name="adapt", rich_help_panel=_CARE)
app.command("events", rich_help_panel=_CARE)(events.events)
app.add_typer(webhooks.app, name="webhooks", rich_help_panel=_CARE)
app.add_typer(registry.app, name="registry", rich_help_panel=_CARE)
app.command("lineage", rich_help_panel=_CARE)(lineage.lineage)
app.command("whoami", rich_help_panel=_CARE)(whoami.whoami)
app.add_typer(keys.app, name="keys", rich_help_panel=_CARE)
app.add_typer(limits.app, name="limits", rich_help_panel=_CARE)
app.add_typer(cache.app, name="cache", rich_help_panel=_CARE)
app.command("usage", rich_help_panel=_CARE)(usage.usage)
app.command("engines", rich_help_panel=_CARE)(engines.engines)
app.command("doctor", rich_help_panel=_CARE)(doctor.doctor)
app.command("version", rich_help_panel=_CARE)(version.version)


def main() -> None:
    app()


if __name__ == "__main__":
    main()
