"""Memory in a generation: the options that ask for it, and what is told of it afterwards."""

from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from colonnade.cli.terminal import aside, remark

if TYPE_CHECKING:
    from colonnade.client import Citation, MemoryUse

_PANEL = "Memory"
_SHOWN = 80

Session: TypeAlias = Annotated[
    str | None,
    typer.Option(help="A conversation that memory keeps, by the name you give it.", rich_help_panel=_PANEL),
]
Recall: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--recall", help="Give the model what is remembered and fits; tell on stderr.", rich_help_panel=_PANEL
    ),
]
Remember: TypeAlias = Annotated[
    bool,
    typer.Option("--remember", help="Keep the prompt and the answer in the session.", rich_help_panel=_PANEL),
]
Subject: TypeAlias = Annotated[
    str | None,
    typer.Option(help="Whose memories, where the key may speak for others.", rich_help_panel=_PANEL),
]


def wanted(session: str | None, *, recall: bool, remember: bool) -> dict[str, Any] | None:
    """None where nothing of memory is asked for."""
    if not (session or recall or remember):
        return None
    asked: dict[str, Any] = {"recall": recall, "remember": remember}
    return asked | ({"session": session} if session else {})


def tell(use: "MemoryUse | None") -> None:
    """What the prompt quoted, and what memory could not do."""
    if use is None:
        return
    for citation in use.citations or ():
        aside(f"[{citation.number}] {_origin(citation)}: {_short(citation.text)}")
    if use.without:
        remark(f"Memory was searched without {', '.join(use.without)}.")
    if use.unavailable:
        remark(f"Nothing was recalled: {use.unavailable}")
    if use.remembered is False:
        remark(f"Not remembered: {use.why_not}")


def _origin(citation: "Citation") -> str:
    source = citation.document
    if source is None:
        return f"{citation.kind} {citation.id}"
    page = f", page {source.page}" if source.page else ""
    return f"{source.name}{page}, characters {source.start} to {source.end}"


def _short(text: str) -> str:
    """On one line."""
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN else f"{line[: _SHOWN - 4]} ..."
