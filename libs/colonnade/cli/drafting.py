"""``colonnade models drafts``"""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from colonnade.cli.connection import ApiKey, AsJson, Url, connect
from colonnade.cli.terminal import human_bytes, out, printable, remark, table

if TYPE_CHECKING:
    from colonnade.client import Draft


def drafts(
    name: Annotated[str, typer.Argument(help="The model's name.")],
    discard: Annotated[
        int | None, typer.Option(metavar="NUMBER", min=1, help="Give one up, with what was uploaded.")
    ] = None,
    as_json: AsJson = False,
    url: Url = None,
    api_key: ApiKey = None,
) -> None:
    """Versions in the making: pushes that were stopped, and imports that go on or have failed."""
    with connect(url, api_key) as client:
        if discard is not None:
            client.drafts.discard(name, discard)
            remark(f"Discarded {name}:{discard}.")
            return
        found = client.drafts.list(name)
    if as_json:
        out().print_json(data=[asdict(draft) for draft in found], default=str)
        return
    if not found:
        remark(f"No version of {name} is in the making.")
        return
    rows = table("number", "state", "there", "from", "by", "message", right=("number",))
    for draft in found:
        rows.add_row(
            str(draft.number), draft.state, _there(draft), draft.source or "upload", draft.created_by,
            printable(draft.message),
        )  # fmt: skip
    out().print(rows)


def _there(draft: "Draft") -> str:
    """Of what is uploaded, or of an import's work."""
    if draft.source:
        return f"{draft.fraction:.0%}"
    received = sum(file.received for file in draft.files)
    return f"{human_bytes(received)} of {human_bytes(sum(file.size_bytes for file in draft.files))}"
