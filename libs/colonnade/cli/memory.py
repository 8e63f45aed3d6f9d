"""``colonnade memory``"""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from colonnade.cli import documents
from colonnade.cli.connection import ApiKey, AsJson, Url, connect
from colonnade.cli.standard_input import text_of_input
from colonnade.cli.terminal import out, printable, remark, table

if TYPE_CHECKING:
    from colonnade.client import Hit, Memory

app = typer.Typer(
    no_args_is_help=True,
    help="See what is remembered of you, and of your documents; add to it, search it, forget it.",
)
app.add_typer(documents.app, name="documents")
Subject: TypeAlias = documents.Subject
Kinds: TypeAlias = Annotated[
    list[str] | None, typer.Option("--kind", help="turn, episode, fact or chunk; may be repeated.")
]
OfSession: TypeAlias = Annotated[str | None, typer.Option("--session", help="Of this session alone.")]
_SHOWN = 100


@app.command("remember")
def remember(
    text: Annotated[str, typer.Argument(help="What to remember; - reads it from standard input.")],
    kind: Annotated[str | None, typer.Option(help="fact (the default), episode or turn.")] = None,
    tier: Annotated[
        str | None, typer.Option(help="short fades in hours, task with its session, long in months.")
    ] = None,
    session: Annotated[str | None, typer.Option(help="For turns, and the tier task.")] = None,
    role: Annotated[str | None, typer.Option(help="Of a turn: user or assistant.")] = None,
    importance: Annotated[float | None, typer.Option(help="0 to 1; what matters more fades later.")] = None,
    pinned: Annotated[bool, typer.Option("--pinned", help="It never fades.")] = False,
    people: Annotated[
        list[str] | None, typer.Option("--with", help="With whom it happened; may be repeated.")
    ] = None,
    subject: Subject = None,
    url: Url = None,
    api_key: ApiKey = None,
) -> None:
    """Keep a text; print its id."""
    said = text_of_input("text") if text == "-" else text
    with connect(url, api_key) as client:
        kept = client.memory.remember(
            said, kind=kind, tier=tier, session=session, role=role, importance=importance,
            pinned=pinned or None, people=people or None, subject=subject,
        )  # fmt: skip
    out().print(kept.id)


@app.command("search")
def search(
    query: Annotated[str, typer.Argument(help="What to look for, in your own words.")],
    limit: Annotated[int | None, typer.Option(min=1, help="How many at most; 5 by default.")] = None,
    kind: Kinds = None,
    session: OfSession = None,
    document: Annotated[
        list[str] | None, typer.Option(help="In this document alone, by its id; may be repeated.")
    ] = None,
    rerank: Annotated[
        bool, typer.Option("--rerank", help="Have a model read the best. Takes longer.")
    ] = False,
    subject: Subject = None,
    as_json: AsJson = False,
    url: Url = None,
    api_key: ApiKey = None,
) -> None:
    """What fits best, and why it was found."""
    with connect(url, api_key) as client:
        found = client.memory.search(
            query, limit=limit, rerank=rerank, kinds=kind or None, session=session,
            documents=document or None, subject=subject,
        )  # fmt: skip
    if as_json:
        out().print_json(data=asdict(found), default=str)
        return
    for place, hit in enumerate(found.hits, 1):
        out().print(printable(f"{place}. {_where(hit.memory)}  ({_why(hit)})"))
        out().print(printable(f"   {_line(hit.memory.text)}"))
    if not found.hits:
        remark("Nothing that is remembered fits.")
    if found.without:
        remark(f"Searched without {', '.join(found.without)}.")


@app.command("list")
def list_memories(
    kind: Kinds = None,
    session: OfSession = None,
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = 50,
    subject: Subject = None,
    as_json: AsJson = False,
    url: Url = None,
    api_key: ApiKey = None,
) -> None:
    """What is remembered, newest first."""
    with connect(url, api_key) as client:
        found = client.memory.list(limit=limit, kinds=kind or None, session=session, subject=subject)
    if as_json:
        out().print_json(data=[asdict(each) for each in found], default=str)
        return
    if not found:
        remark("Nothing is remembered; begin with: colonnade memory remember TEXT")
        return
    rows = table("id", "kind", "when", "strength", "text", right=("strength",))
    for each in found:
        when = f"{each.happened_at:%Y-%m-%d %H:%M}" if each.happened_at else ""
        strength = "pinned" if each.pinned else f"{each.strength:.2f}"
        rows.add_row(each.id, each.kind, when, strength, printable(_line(each.text)))
    out().print(rows)


@app.command("forget")
def forget(
    memory_id: Annotated[list[str], typer.Argument(help="Ids, as listed.")],
    subject: Subject = None,
    url: Url = None,
    api_key: ApiKey = None,
) -> None:
    """Erase memories for good."""
    with connect(url, api_key) as client:
        for each in memory_id:
            client.memory.forget(each, subject=subject)
            remark(f"Forgotten: {each}")


@app.command("sessions")
def sessions(
    end: Annotated[str | None, typer.Option(metavar="NAME", help="End one: its turns are forgotten.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = 50,
    subject: Subject = None,
    as_json: AsJson = False,
    url: Url = None,
    api_key: ApiKey = None,
) -> None:
    """Conversations that are remembered, latest first."""
    with connect(url, api_key) as client:
        if end is not None:
            remark(f"Ended; {client.memory.end_session(end, subject=subject)} memories forgotten.")
            return
        found = client.memory.sessions(limit=limit, subject=subject)
    if as_json:
        out().print_json(data=[asdict(each) for each in found], default=str)
        return
    if not found:
        remark("There are no sessions; begin one with: colonnade generate PROMPT --session NAME --remember")
        return
    rows = table("session", "turns", "last", "summary", right=("turns",))
    for each in found:
        last = f"{each.last_at:%Y-%m-%d %H:%M}" if each.last_at else ""
        rows.add_row(printable(each.id), str(each.turns), last, printable(_line(each.summary)))
    out().print(rows)


def _where(memory: "Memory") -> str:
    source = memory.document
    if source is None:
        return f"{memory.kind} {memory.id}"
    page = f", page {source.page}" if source.page else ""
    return f"{source.name}{page}, characters {source.start} to {source.end} of {source.id}"


def _why(hit: "Hit") -> str:
    why = hit.why
    words = [f"words {', '.join(why.words)}"] if why.word_rank else []
    means = [f"likeness {why.cosine:.2f}"] if why.vector_rank else []
    return "; ".join([*words, *means, f"strength {why.strength:.2f}"])


def _line(text: str) -> str:
    """Its beginning, on one line."""
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN else f"{line[: _SHOWN - 4]} ..."
