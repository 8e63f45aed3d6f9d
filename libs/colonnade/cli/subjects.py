"""``colonnade subjects``"""

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from colonnade.cli.connection import ApiKey, AsJson, Url, connect
from colonnade.cli.terminal import Step, out, printable, progress, remark, table
from colonnade.errors import InvalidArgument

if TYPE_CHECKING:
    from colonnade.client import Colonnade
    from colonnade.client.results.erasures import Erasure

app = typer.Typer(
    no_args_is_help=True, help="Erase a person everywhere, follow it, and verify the receipt of it."
)
_LOOK_SECONDS = 0.5


@app.command("erase")
def erase(
    subject: Annotated[str, typer.Argument(help="Whom: the `user` of requests, or a key's subject.")],
    why: Annotated[str | None, typer.Option(help="Is kept with it; it must not name them.")] = None,
    tenant: Annotated[str | None, typer.Option(help="For admins of the installation.")] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask first.")] = False,
    wait: Annotated[bool, typer.Option(help="Until it is done; Ctrl-C leaves it running.")] = False,
    url: Url = None,
    api_key: ApiKey = None,
) -> None:
    """Erase all that the platform holds of a person; print the erasure's id. It cannot be undone."""
    if not yes:
        typer.confirm(f"Erase all that is held of {printable(subject)}, for good?", abort=True)
    with connect(url, api_key) as client:
        begun = client.subjects.erase(subject, why=why, tenant=tenant)
        out().print(begun.id)
        if wait:
            _follow(client, begun)
    if not wait:
        remark(f"It is carried out now; see colonnade subjects status {begun.id}")


@app.command("status")
def status(
    erasure_id: Annotated[str | None, typer.Argument(help="Left out: those of the tenant.")] = None,
    receipt: Annotated[Path | None, typer.Option(help="Write the receipt to this file.")] = None,
    as_json: AsJson = False,
    url: Url = None,
    api_key: ApiKey = None,
) -> None:
    """How far an erasure is, service by service."""
    from dataclasses import asdict

    with connect(url, api_key) as client:
        found = [client.subjects.erasure(erasure_id)] if erasure_id else client.subjects.erasures()
    if receipt is not None:
        _write(found[0] if erasure_id else None, receipt)
    if as_json:
        out().print_json(data=[asdict(each) for each in found], default=str)
    elif erasure_id:
        _show(found[0])
    else:
        rows = table("id", "state", "began", "steps", "asked by")
        for each in found:
            done = sum(step.done_at is not None for step in each.steps)
            rows.add_row(
                each.id, each.state, f"{each.began_at:%Y-%m-%d %H:%M}", f"{done} of {len(each.steps)}",
                each.asked_by,
            )  # fmt: skip
        out().print(rows)


@app.command("key")
def key(url: Url = None, api_key: ApiKey = None) -> None:
    """Print the public key that receipts are verified with; keep it elsewhere."""
    with connect(url, api_key) as client:
        typer.echo(client.subjects.receipt_key(), nl=False)


@app.command("verify")
def verify(
    receipt: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A receipt, as JSON.")],
    public: Annotated[
        Path | None,
        typer.Option("--key", exists=True, dir_okay=False, help="Left out: the platform is asked for it."),
    ] = None,
    url: Url = None,
    api_key: ApiKey = None,
) -> None:
    """Whether a receipt is whole and signed by this platform; print what it says."""
    from colonnade.security.receipts import keys_of, verified
    from colonnade.security.seals import Untrusted

    if public is not None:
        pem = public.read_text()
    else:
        with connect(url, api_key) as client:
            pem = client.subjects.receipt_key()
    try:
        facts = verified(receipt.read_text(), keys_of(pem))
    except (Untrusted, UnicodeDecodeError) as error:
        raise InvalidArgument(f"{receipt.name} proves nothing: {error}", field="receipt") from None
    out().print_json(data=facts)
    remark("The receipt is whole, and signed with that key.")


def _follow(client: "Colonnade", erasure: "Erasure") -> None:
    steps = len(erasure.steps)
    with progress(steps) as draw:
        while True:
            done = sum(step.done_at is not None for step in erasure.steps)
            waiting = next((step for step in erasure.steps if step.done_at is None), None)
            said = f"round {waiting.round}: {waiting.service}" if waiting else "done"
            draw(Step("erase", done, steps, said, last=erasure.state == "done"))
            if erasure.state == "done":
                break
            time.sleep(_LOOK_SECONDS)
            erasure = client.subjects.erasure(erasure.id)
    _show(erasure)


def _show(erasure: "Erasure") -> None:
    rows = table("service", "round", "done", "tries", "removed", "why not")
    for step in erasure.steps:
        removed = ", ".join(f"{store} {count}" for store, count in sorted(step.removed.items()))
        done = f"{step.done_at:%H:%M:%S}" if step.done_at else ""
        rows.add_row(
            step.service, str(step.round), done, str(step.tries), printable(removed), printable(step.reason)
        )
    out().print(rows)
    for each in erasure.affected:
        version = f":{each.version}" if each.version else ", every version"
        remark(f"Made from what they gave: {printable(each.model)}{version} ({printable(each.why)})")
    remark("Done; nothing is left." if erasure.state == "done" else "It goes on.")


def _write(erasure: "Erasure | None", path: Path) -> None:
    if erasure is None or erasure.receipt is None:
        raise InvalidArgument("there is a receipt of an erasure that is done; give its id", field="receipt")
    path.write_text(json.dumps(dict(erasure.receipt)))
