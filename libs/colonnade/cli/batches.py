"""``colonnade batches``"""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from colonnade.cli.connection import ApiKey, AsJson, Url, connect
from colonnade.cli.failures import FAILED
from colonnade.cli.terminal import out, remark, table

if TYPE_CHECKING:
    from colonnade.client import Batch, Colonnade

app = typer.Typer(no_args_is_help=True, help="Have a file of requests answered in the background.")
BatchId = Annotated[str, typer.Argument(help="The batch's id, as listed.")]
_CHAT = "/v1/chat/completions"


@app.command("submit")
def submit(
    file: Annotated[
        Path,
        typer.Argument(exists=True, dir_okay=False, help="A request a line, as docs/batches.md has them."),
    ],
    endpoint: Annotated[str, typer.Option(help="What every line asks.")] = _CHAT,
    wait: Annotated[bool, typer.Option("--wait", help="Stay until it has ended.")] = False,
    url: Url = None,
    api_key: ApiKey = None,
) -> None:
    """Upload a file and have its lines answered; print the batch's id."""
    with connect(url, api_key) as client:
        batch = client.batches.submit(file, endpoint)
        out().print(batch.id)
        if wait:
            _wait(client, batch.id)


@app.command("list")
def list_batches(as_json: AsJson = False, url: Url = None, api_key: ApiKey = None) -> None:
    """The tenant's batches, newest first."""
    with connect(url, api_key) as client:
        found = client.batches.list()
    if as_json:
        out().print_json(data=[asdict(batch) for batch in found], default=str)
        return
    if not found:
        remark("There are no batches yet; submit one with: colonnade batches submit FILE")
        return
    columns = ("lines", "answered", "failed")
    rows = table("id", "made", "endpoint", "status", *columns, right=columns)
    for batch in found:
        rows.add_row(
            batch.id, f"{batch.created_at:%Y-%m-%d %H:%M}", batch.endpoint, batch.status, *_counts(batch)
        )
    out().print(rows)


@app.command("show")
def show(batch_id: BatchId, as_json: AsJson = False, url: Url = None, api_key: ApiKey = None) -> None:
    """How far a batch is, and what is wrong with its file."""
    with connect(url, api_key) as client:
        batch = client.batches.get(batch_id)
    if as_json:
        out().print_json(data=asdict(batch), default=str)
        return
    total, answered, failed = _counts(batch)
    out().print(f"{batch.id}  {batch.status}  {answered} of {total} answered, {failed} failed")
    for error in batch.errors:
        line = f"line {error.line}: " if error.line else ""
        out().print(f"  {line}{error.message} ({error.code})")


@app.command("wait")
def wait_for(batch_id: BatchId, url: Url = None, api_key: ApiKey = None) -> None:
    """Stay until a batch has ended; Ctrl-C leaves it as it is."""
    with connect(url, api_key) as client:
        _wait(client, batch_id)


@app.command("cancel")
def cancel(batch_id: BatchId, url: Url = None, api_key: ApiKey = None) -> None:
    """End a batch; lines that have their answers keep them."""
    with connect(url, api_key) as client:
        batch = client.batches.cancel(batch_id)
    remark(f"{batch.id} is {batch.status}.")


@app.command("results")
def results(
    batch_id: BatchId,
    errors: Annotated[bool, typer.Option("--errors", help="What got no answer instead.")] = False,
    url: Url = None,
    api_key: ApiKey = None,
) -> None:
    """Print the lines that a batch has left, as JSON."""
    with connect(url, api_key) as client:
        batch = client.batches.get(batch_id)
        file_id = batch.error_file_id if errors else batch.output_file_id
        if file_id:
            sys.stdout.buffer.write(client.files.content(file_id))
            sys.stdout.flush()
            return
    remark(f"{batch.id} is {batch.status} and has none.")
    if not batch.ended:
        raise typer.Exit(FAILED)


def _wait(client: "Colonnade", batch_id: str) -> None:
    """Fails unless every line has its answer."""
    from colonnade.cli.working import showing

    with showing() as shown:
        last = client.batches.wait(batch_id, show=shown)
    total, answered, _ = _counts(last)
    remark(f"{last.id} is {last.status}: {answered} of {total} lines answered.")
    for error in last.errors:
        remark(f"  line {error.line}: {error.message}" if error.line else f"  {error.message}")
    if last.status != "completed" or last.request_counts.failed:
        raise typer.Exit(FAILED)


def _counts(batch: "Batch") -> tuple[str, str, str]:
    counts = batch.request_counts
    return str(counts.total), str(counts.completed), str(counts.failed)
