"""How a command fails: one red line that says what and what to do, and a status that a script can read."""

import os
from typing import Any

import typer
from typer.core import TyperGroup

from colonnade.errors import ColonnadeError, Unauthenticated

FAILED = 1
INTERRUPTED = 130
_AS_COMMANDS = {
    "`GET /keys`": "`colonnade keys list`",
    "`GET /models`": "`colonnade models list`",
    "`GET /docs`": "`colonnade --help`",
}
"""What the platform tells those who speak HTTP, as one types it."""


class Group(TyperGroup):
    """The root of the command: turns whatever a command raises into a line and an exit status."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except ColonnadeError as error:
            show(error)
            raise typer.Exit(FAILED) from None
        except KeyboardInterrupt:
            raise typer.Exit(INTERRUPTED) from None
        except (typer.Exit, typer.Abort, typer.TyperException, BrokenPipeError):
            raise
        except OSError as error:  # a full disk under the output, a home that is no folder
            _line(error.strerror or str(error))
            raise typer.Exit(FAILED) from None
        except Exception as error:
            if os.environ.get("COLONNADE_DEBUG"):
                raise
            _line(f"{type(error).__name__}: {error} (a fault of the command; COLONNADE_DEBUG=1 shows where)")
            raise typer.Exit(FAILED) from None


def show(error: ColonnadeError) -> None:
    request_id = error.details.get("request_id")
    remedy = "; set COLONNADE_API_KEY to one" if isinstance(error, Unauthenticated) else ""
    message = error.message
    for request, command in _AS_COMMANDS.items():
        message = message.replace(request, command)
    _line(message + remedy + (f" (request {request_id})" if request_id else ""))


def _line(text: str) -> None:
    from rich.text import Text

    from colonnade.cli.terminal import err, printable

    message = Text("Error: ", style="bold red")
    message.append(printable(text).replace("\n", " "), style="not bold red")
    err().print(message)
