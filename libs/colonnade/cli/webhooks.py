"""``colonnade webhooks``"""

from dataclasses import asdict
from typing import Annotated

import typer

from colonnade.cli.connection import ApiKey, AsJson, Url, connect
from colonnade.cli.events import Kinds, Models
from colonnade.cli.terminal import out, remark, table

app = typer.Typer(no_args_is_help=True, help="Have other addresses told of what happens in the registry.")
Id = Annotated[str, typer.Argument(help="The webhook's id, as listed.")]


@app.command("create")
def create(
    address: Annotated[str, typer.Argument(help="Where it leads, as https://hooks.example.com/colonnade.")],
    model: Models = None,
    kind: Kinds = None,
    since: Annotated[
        int | None, typer.Option(help="Tell of those after this number too; 0: all there is.")
    ] = None,
    as_json: AsJson = False,
    url: Url = None,
    api_key: ApiKey = None,
) -> None:
    """Make one. The secret that its messages are signed with is printed this once."""
    with connect(url, api_key) as client:
        made = client.webhooks.create(address, models=model or [], kinds=kind or [], after=since)
    if as_json:
        out().print_json(data=asdict(made), default=str)
        return
    remark(
        f"Webhook {made.id}, told of what comes after event {made.delivered}. Its secret, shown this once:"
    )
    out().print(made.secret)


@app.command("list")
def list_webhooks(as_json: AsJson = False, url: Url = None, api_key: ApiKey = None) -> None:
    """All webhooks, how far each was told, and what went wrong."""
    with connect(url, api_key) as client:
        known = client.webhooks.list()
    if as_json:
        out().print_json(data=[asdict(each) for each in known], default=str)
        return
    if not known:
        remark("There are no webhooks; make one with: colonnade webhooks create URL")
        return
    rows = table("id", "address", "told of", "state", "delivered", "last error", right=("delivered",))
    for each in known:
        about = ", ".join([*each.models, *each.kinds]) or "everything"
        state = f"{each.state}, {each.failures} failures" if each.failures else each.state
        rows.add_row(each.id, each.url, about, state, f"{each.delivered} of {each.last}", each.last_error)
    out().print(rows)


@app.command("delete")
def delete(webhook_id: Id, url: Url = None, api_key: ApiKey = None) -> None:
    """Tell it of nothing any more."""
    with connect(url, api_key) as client:
        client.webhooks.delete(webhook_id)
    remark(f"Deleted {webhook_id}.")


@app.command("resume")
def resume(webhook_id: Id, url: Url = None, api_key: ApiKey = None) -> None:
    """Try one that was given up again, from where it stopped."""
    with connect(url, api_key) as client:
        found = client.webhooks.resume(webhook_id)
    remark(f"{found.id} goes on after event {found.delivered}.")
