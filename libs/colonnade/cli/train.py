"""``colonnade train``"""

from pathlib import Path
from typing import Annotated

import typer

from colonnade.cli.connection import ApiKey, Url, connect
from colonnade.cli.terminal import out

_MOST_BYTES = 256 * 1024


def train(
    recipe: Annotated[
        Path,
        typer.Argument(
            dir_okay=False, help="A recipe in YAML, as docs/training.md has it; - reads standard input."
        ),
    ],
    detach: Annotated[bool, typer.Option("--detach", help="Do not stay; print the job's id.")] = False,
    priority: Annotated[
        int | None, typer.Option(help="-100 to 100; the highest goes first.", show_default="0")
    ] = None,
    url: Url = None,
    api_key: ApiKey = None,
) -> None:
    """Train a model by a recipe; print the job's id, and follow it to its end.

    Recipes of other kinds evaluate, convert or import a model. Ctrl-C leaves the job running. Paths in the
    recipe are those of the platform's machine."""
    text = _read(recipe)
    with connect(url, api_key) as client:
        job = client.jobs.submit(text, priority=priority)
        out().print(job.id)
        if not detach:
            from colonnade.cli.following import watch

            watch(client, job.id)


def _read(recipe: Path) -> str:
    if str(recipe) == "-":
        from colonnade.cli.standard_input import text_of_input

        return text_of_input("recipe")
    from colonnade.security.inputs import decoded, read_bounded

    return decoded(read_bounded(recipe.resolve(), _MOST_BYTES, recipe.name), recipe.name)
