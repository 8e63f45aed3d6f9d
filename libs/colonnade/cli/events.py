"""``colonnade events``"""

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from colonnade.cli.connection import ApiKey, Url, connect
from colonnade.cli.terminal import out, remark

if TYPE_CHECKING:
    from colonnade.client import Colonnade, Event

_SHOWN = -50
Models = Annotated[list[str] | None, typer.Option("--model", help="Of one model; may be repeated.")]
Kinds = Annotated[
    list[str] | None, typer.Option("--kind", help="As in alias.moved, or 'rollout.*'; may be repeated.")
]


def events(
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what happens.")] = False,
    model: Models = None,
    kind: Kinds = None,
    since: Annotated[
        int | None, typer.Option(help="Those after this number; by default, of the newest 50.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="A JSON object a line, for programs.")] = False,
    url: Url = None,
    api_key: ApiKey = None,
) -> None:
    """What happened in the registry, oldest first."""
    with connect(url, api_key) as client:
        after = since if since is not None else _SHOWN
        models, kinds = model or [], kind or []
        found = (
            client.events.watch(after=after, models=models, kinds=kinds)
            if follow
            else _pages(client, after, models, kinds)
        )
        none = True
        for event in found:
            none = False
            out().print(json.dumps(asdict(event), default=str) if as_json else told(event))
        if none and not as_json:
            remark("Nothing of that kind has happened.")


def told(event: "Event") -> str:
    """``12  2026-03-01 09:30:00  alias.moved  smollm2@production  2  local/ann  revision=3 targets=2=100``"""
    what = event.model + (f"@{event.alias}" if event.alias else "")
    version = f"version {event.version}" if event.version else ""
    facts = " ".join(f"{name}={value}" for name, value in event.facts.items() if value)
    parts = (f"{event.at:%Y-%m-%d %H:%M:%S}", event.kind, what, version, event.by, facts)
    return f"{event.number:>6}  " + "  ".join(part for part in parts if part)


def _pages(client: "Colonnade", after: int, models: list[str], kinds: list[str]) -> "Iterator[Event]":
    while True:
        page = client.events.list(after=after, models=models, kinds=kinds)
        yield from page.events
        if not page.events or page.next_after >= page.last:
            return
        after = page.next_after
