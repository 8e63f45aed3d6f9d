"""``colonnade whoami``"""

from dataclasses import asdict

from colonnade.cli.connection import ApiKey, AsJson, Url, connect
from colonnade.cli.terminal import out, remark, table


def whoami(as_json: AsJson = False, url: Url = None, api_key: ApiKey = None) -> None:
    """As whom the platform lets you in; with --json, also which routes you may call."""
    with connect(url, api_key) as client:
        identity = client.whoami()
    if as_json:
        out().print_json(data=asdict(identity))
        return
    rows = table("tenant", "subject", "key", "roles")
    rows.add_row(identity.tenant, identity.subject, identity.key or "-", ", ".join(identity.roles))
    out().print(rows)
    if identity.key is None:
        remark("The platform asked for no key: whoever is on this machine may do the same.")
