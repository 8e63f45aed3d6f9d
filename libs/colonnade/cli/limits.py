"""``colonnade limits``"""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from colonnade.cli.connection import ApiKey, AsJson, Url, connect
from colonnade.cli.terminal import out, remark, table

if TYPE_CHECKING:
    from colonnade.client import Left, Limits

app = typer.Typer(no_args_is_help=True, help="See and set what keys, tenants and models may take.")
Key: TypeAlias = Annotated[str | None, typer.Option(help="A key's id, as listed.")]
Tenant: TypeAlias = Annotated[str | None, typer.Option(help="A tenant: all its keys together.")]
Model: TypeAlias = Annotated[str | None, typer.Option(help="With --tenant: its use of this model.")]
_COLUMNS = ("requests/min", "tokens/min", "at once", "tokens/month", "max priority")


@app.command("list")
def list_limits(as_json: AsJson = False, url: Url = None, api_key: ApiKey = None) -> None:
    """The limits that differ from the defaults."""
    with connect(url, api_key) as client:
        found = client.limits.list()
    if as_json:
        out().print_json(data=[asdict(each) for each in found], default=str)
        return
    if not found:
        remark("No key, tenant or model has limits of its own; the gateway's settings hold.")
        return
    rows = table("for", "tenant", "name", *_COLUMNS, right=_COLUMNS)
    for each in found:
        rows.add_row(each.kind, each.tenant, each.name, *map(_shown, _numbers(each)))
    out().print(rows)


@app.command("me")
def mine(
    model: Annotated[str | None, typer.Option(help="On this model too.")] = None,
    as_json: AsJson = False,
    url: Url = None,
    api_key: ApiKey = None,
) -> None:
    """What is left to the key that asks, and to its tenant."""
    with connect(url, api_key) as client:
        found = client.limits.me(model=model)
    if as_json:
        out().print_json(data=[asdict(each) for each in found], default=str)
        return
    columns = _COLUMNS[:-1]
    rows = table("for", "name", *columns, right=columns)
    for each in found:
        left = (each.requests, each.tokens, each.concurrent_requests, each.monthly_tokens)
        rows.add_row(each.kind, each.name or each.tenant, *map(_left, left))
    out().print(rows)


@app.command("set")
def set_limits(
    key: Key = None,
    tenant: Tenant = None,
    model: Model = None,
    requests_per_minute: Annotated[int | None, typer.Option(help="0: no limit.")] = None,
    tokens_per_minute: Annotated[int | None, typer.Option(help="Of prompts and answers together.")] = None,
    concurrent_requests: Annotated[int | None, typer.Option(help="That run at once.")] = None,
    monthly_tokens: Annotated[int | None, typer.Option(help="The budget of a calendar month.")] = None,
    max_priority: Annotated[int | None, typer.Option(help="Of a key's requests: -10 to 10.")] = None,
    url: Url = None,
    api_key: ApiKey = None,
) -> None:
    """Replace all limits of a key, a tenant, or a tenant on a model; what is left out has its default."""
    with connect(url, api_key) as client:
        client.limits.set(
            {
                "requests_per_minute": requests_per_minute,
                "tokens_per_minute": tokens_per_minute,
                "concurrent_requests": concurrent_requests,
                "monthly_tokens": monthly_tokens,
                "max_priority": max_priority,
            },
            key=key,
            tenant=tenant,
            model=model,
        )
    remark("Set; other gateways follow within five seconds.")


@app.command("delete")
def delete(
    key: Key = None, tenant: Tenant = None, model: Model = None, url: Url = None, api_key: ApiKey = None
) -> None:
    """Have the defaults hold again."""
    with connect(url, api_key) as client:
        client.limits.delete(key=key, tenant=tenant, model=model)
    remark("Deleted; the defaults hold again.")


def _numbers(each: "Limits") -> tuple[int | None, ...]:
    return (
        each.requests_per_minute,
        each.tokens_per_minute,
        each.concurrent_requests,
        each.monthly_tokens,
        each.max_priority,
    )


def _shown(number: int | None) -> str:
    return "default" if number is None else str(number)


def _left(left: "Left | None") -> str:
    return f"{left.remaining} of {left.limit}" if left else "no limit"
