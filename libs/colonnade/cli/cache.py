"""``colonnade cache``"""

from dataclasses import asdict
from typing import Annotated

import typer

from colonnade.cli.connection import ApiKey, AsJson, Url, connect
from colonnade.cli.terminal import human_bytes, out, remark, table

app = typer.Typer(no_args_is_help=True, help="See and forget the answers that are kept.")


@app.command("show")
def show(as_json: AsJson = False, url: Url = None, api_key: ApiKey = None) -> None:
    """What the caches hold, and how often they were of use since the inference service started."""
    with connect(url, api_key) as client:
        state = client.cache.state()
    if as_json:
        out().print_json(data=asdict(state))
        return
    if not state.store:
        remark("No answers are kept: COLONNADE_INFERENCE_CACHE_BYTES is 0.")
        return
    rows = table("store", "answers", "bytes", "hits", "semantic", "joined", "misses", right=("answers",))
    held = ("-", "-")
    if state.store == "memory":
        held = (str(state.answers), f"{human_bytes(state.size_bytes)} of {human_bytes(state.max_bytes)}")
    counts = (state.hits, state.semantic_hits, state.joined, state.misses)
    rows.add_row(state.store, *held, *map(str, counts))
    out().print(rows)
    for model, threshold in sorted(state.thresholds.items()):
        out().print(f"{model}: questions that are alike to {threshold:g} count as the same")


@app.command("purge")
def purge(
    model: Annotated[
        str | None, typer.Option(help="A model, or one version of it: name, name@alias, name:version.")
    ] = None,
    tenant: Annotated[str | None, typer.Option(help="Whose answers.")] = None,
    url: Url = None,
    api_key: ApiKey = None,
) -> None:
    """Forgets answers: all of them, or those of a model or a tenant."""
    with connect(url, api_key) as client:
        answers = client.cache.purge(model=model, tenant=tenant)
    out().print(f"{answers} answer{'' if answers == 1 else 's'} forgotten")
