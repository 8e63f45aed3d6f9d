"""``colonnade memory documents``"""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from colonnade.cli.connection import ApiKey, AsJson, Url, connect
from colonnade.cli.terminal import Step, human_bytes, out, printable, progress, remark, table, write
from colonnade.errors import InvalidArgument

app = typer.Typer(no_args_is_help=True, help="Texts that are kept whole, found by their pieces and quoted.")
Subject: TypeAlias = Annotated[
    str | None, typer.Option(help="Whose, where the key may speak for others; else the key's own.")
]
DocumentId: TypeAlias = Annotated[str, typer.Argument(help="The document's id, as listed.")]
_QUARTERS = 4


@app.command("add")
def add(
    files: Annotated[
        list[Path],
        typer.Argument(exists=True, dir_okay=False, help="Text, Markdown, HTML or PDF; one or several."),
    ],
    name: Annotated[str | None, typer.Option(help="Of one file; else its own.")] = None,
    media_type: Annotated[
        str | None, typer.Option("--type", help="As text/plain; else what the name's ending says.")
    ] = None,
    shared: Annotated[bool, typer.Option("--shared", help="For the whole tenant.")] = False,
    subject: Subject = None,
    url: Url = None,
    api_key: ApiKey = None,
) -> None:
    """Keep documents; print their ids."""
    if name is not None and len(files) > 1:
        raise InvalidArgument("--name is for one file; leave it out for several", field="name")
    with connect(url, api_key) as client:
        for file in files:
            called = name or file.name
            with progress(_QUARTERS) as draw:
                kept = client.memory.documents.add(
                    file, name=called, media_type=media_type, shared=shared, subject=subject,
                    show=_showing(draw, called),
                )  # fmt: skip
            out().print(kept.id)
            remark(f"{kept.name}: {kept.characters} characters in {kept.chunks} pieces")


@app.command("list")
def list_documents(
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = 50,
    subject: Subject = None,
    as_json: AsJson = False,
    url: Url = None,
    api_key: ApiKey = None,
) -> None:
    """Your documents and those that your tenant shares, newest first."""
    with connect(url, api_key) as client:
        found = client.memory.documents.list(limit=limit, subject=subject)
    if as_json:
        out().print_json(data=[asdict(each) for each in found], default=str)
        return
    if not found:
        remark("There are no documents; add one with: colonnade memory documents add FILE")
        return
    columns = ("size", "pieces", "embedded")
    rows = table("id", "name", "type", *columns, "whose", right=columns)
    for each in found:
        rows.add_row(
            each.id, printable(each.name), each.media_type, human_bytes(each.bytes), str(each.chunks),
            str(each.embedded), "tenant" if each.shared else "own",
        )  # fmt: skip
    out().print(rows)


@app.command("show")
def show(
    document_id: DocumentId,
    start: Annotated[int, typer.Option(min=0, help="From this character on.")] = 0,
    end: Annotated[int | None, typer.Option(min=1, help="To this one; else 10,000 on.")] = None,
    subject: Subject = None,
    as_json: AsJson = False,
    url: Url = None,
    api_key: ApiKey = None,
) -> None:
    """Print a part of a document's text; where it is, on stderr."""
    with connect(url, api_key) as client:
        found = client.memory.documents.get(document_id, start=start, end=end, subject=subject)
    if as_json:
        out().print_json(data=asdict(found), default=str)
        return
    write(f"{found.text}\n")
    until = found.start + len(found.text)
    remark(f"{found.document.name}: characters {found.start} to {until} of {found.document.characters}")


@app.command("delete")
def delete(
    document_id: Annotated[list[str], typer.Argument(help="Ids, as listed.")],
    subject: Subject = None,
    url: Url = None,
    api_key: ApiKey = None,
) -> None:
    """Erase documents and all their pieces for good."""
    with connect(url, api_key) as client:
        for each in document_id:
            client.memory.documents.delete(each, subject=subject)
            remark(f"Deleted: {each}")


def _showing(draw: Callable[[Step], None], name: str) -> Callable[[int, int], None]:
    return lambda sent, total: draw(step(sent, total, name))


def step(sent: int, total: int, name: str) -> Step:
    told = f"{human_bytes(sent)} of {human_bytes(total)}  {printable(name)}"
    return Step("send" if sent < total else "read", sent, total, told)
