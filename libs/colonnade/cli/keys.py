"""``colonnade keys``"""

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from colonnade.cli.connection import ApiKey, AsJson, Url, connect
from colonnade.cli.terminal import out, remark, table
from colonnade.errors import InvalidArgument

if TYPE_CHECKING:
    from colonnade.client import Key, NewKey

app = typer.Typer(no_args_is_help=True, help="Create, list, revoke and rotate API keys.")
KeyId = Annotated[str, typer.Argument(help="The key's id, as listed.")]
_UNITS = {"h": "hours", "d": "days", "w": "weeks"}


@app.command("create")
def create(
    name: Annotated[str, typer.Argument(help="Who or what it is for.")] = "",
    role: Annotated[
        list[str] | None,
        typer.Option(
            help="caller, model_engineer, operator, auditor or admin; may be repeated; else caller."
        ),
    ] = None,
    tenant: Annotated[str | None, typer.Option(help="Whose data it reaches.")] = None,
    subject: Annotated[str | None, typer.Option(help="The one person or program it stands for.")] = None,
    expires: Annotated[str | None, typer.Option(help="After 12h, 30d or 8w; else never.")] = None,
    as_json: AsJson = False,
    url: Url = None,
    api_key: ApiKey = None,
) -> None:
    """Make a key. Its secret is printed this once; the first key must have --role admin."""
    ends = datetime.now(UTC) + duration(expires) if expires else None
    with connect(url, api_key) as client:
        made = client.keys.create(
            name, roles=role or ["caller"], tenant=tenant, subject=subject, expires_at=ends
        )
    _print_new(made, as_json)


@app.command("list")
def list_keys(as_json: AsJson = False, url: Url = None, api_key: ApiKey = None) -> None:
    """All keys, without their secrets."""
    with connect(url, api_key) as client:
        known = client.keys.list()
    if as_json:
        out().print_json(data=[asdict(key) for key in known], default=str)
        return
    if not known:
        remark("There are no keys: whoever is on this machine may do everything, and nobody else anything.")
        return
    rows = table("id", "name", "roles", "tenant", "subject", "state", "last used")
    now = datetime.now(UTC)
    for key in known:
        last = key.last_used_at.strftime("%Y-%m-%d %H:%M") if key.last_used_at else "never"
        rows.add_row(
            key.id, key.name, ", ".join(key.roles), key.tenant, key.subject or "", state(key, now), last
        )
    out().print(rows)


@app.command("revoke")
def revoke(key_id: KeyId, url: Url = None, api_key: ApiKey = None) -> None:
    """End a key at once."""
    with connect(url, api_key) as client:
        client.keys.revoke(key_id)
    remark(f"Revoked {key_id}.")


@app.command("rotate")
def rotate(key_id: KeyId, as_json: AsJson = False, url: Url = None, api_key: ApiKey = None) -> None:
    """Give a key a new secret, printed this once; the old one ends."""
    with connect(url, api_key) as client:
        made = client.keys.rotate(key_id)
    _print_new(made, as_json)


def duration(text: str, field: str = "expires") -> timedelta:
    """``"30d"`` to thirty days."""
    number, unit = text[:-1], text[-1:]
    try:
        length = timedelta(**{_UNITS[unit]: int(number)})
        valid = timedelta(0) < length <= timedelta(days=3650)
    except (KeyError, ValueError, OverflowError):
        valid = False
    if not valid:
        raise InvalidArgument(
            f"{text!r} is not a time such as 12h, 30d or 8w, of at most ten years", field=field
        )
    return length


def state(key: "Key", now: datetime) -> str:
    if key.revoked_at is not None:
        return "revoked"
    if key.expires_at is None:
        return "valid"
    ended = key.expires_at <= now
    return "expired" if ended else f"valid until {key.expires_at:%Y-%m-%d %H:%M}"


def _print_new(made: "NewKey", as_json: bool) -> None:
    """The secret alone goes to stdout, so that ``KEY=$(colonnade keys create ...)`` works."""
    if as_json:
        out().print_json(data=asdict(made), default=str)
        return
    remark(f"Key {made.id} ({', '.join(made.roles)}). This is the only time that it is shown:")
    out().print(made.secret)
    remark("Use it with: export COLONNADE_API_KEY=<the key>")
