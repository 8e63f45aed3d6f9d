"""``colonnade feedback``"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from colonnade.cli.connection import ApiKey, AsJson, Url, connect
from colonnade.cli.terminal import out, printable, remark, table

if TYPE_CHECKING:
    from colonnade.client import Feedback

app = typer.Typer(
    no_args_is_help=True, help="Say what you think of answers; decide what models may learn from it."
)
_SHOWN = 60


@app.command("give")
def give(
    kind: Annotated[str, typer.Argument(help="up, down, correction or preference.")],
    request: Annotated[
        str | None, typer.Option(metavar="ID", help="Of the answer, as its request id has it.")
    ] = None,
    prompt: Annotated[str | None, typer.Option(help="What was asked.")] = None,
    answer: Annotated[str | None, typer.Option(help="What was answered.")] = None,
    correction: Annotated[str | None, typer.Option(help="What should have been answered.")] = None,
    chosen: Annotated[str | None, typer.Option(help="Of two answers the better.")] = None,
    rejected: Annotated[str | None, typer.Option(help="Of two answers the worse.")] = None,
    comment: Annotated[str | None, typer.Option(help="Why.")] = None,
    subject: Annotated[str | None, typer.Option(help="Whose it is, where the key may say so.")] = None,
    url: Url = None,
    api_key: ApiKey = None,
) -> None:
    """Say what you think of an answer; print the id of what you said."""
    thumb = kind in ("up", "down")
    with connect(url, api_key) as client:
        given = client.feedback.give(
            "thumb" if thumb else kind, value=kind if thumb else None, request_id=request, prompt=prompt,
            answer=answer, correction=correction, chosen=chosen, rejected=rejected, comment=comment,
            subject=subject,
        )  # fmt: skip
    out().print(given.id)


@app.command("list")
def list_feedback(
    state: Annotated[str | None, typer.Option(help="waiting, accepted or rejected; else any.")] = None,
    kind: Annotated[str | None, typer.Option(help="thumb, correction or preference; else any.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = 50,
    as_json: AsJson = False,
    url: Url = None,
    api_key: ApiKey = None,
) -> None:
    """What was said, newest first: your own, or the tenant's where you review it."""
    with connect(url, api_key) as client:
        found = client.feedback.list(state=state, kind=kind, limit=limit)
    if as_json:
        out().print_json(data=[asdict(each) for each in found], default=str)
        return
    if not found:
        remark("There is no such feedback.")
        return
    rows = table("id", "kind", "state", "by", "answered by", "asked", "better", "worse")
    for each in found:
        said = (each.messages[-1].content if each.messages else each.request_id, each.chosen, each.rejected)
        rows.add_row(
            each.id, each.value or each.kind, each.state, printable(each.subject), _version(each),
            *(printable(_line(text)) for text in said),
        )  # fmt: skip
    out().print(rows)


@app.command("review")
def review(
    feedback_id: Annotated[list[str], typer.Argument(help="Ids, as listed.")],
    accept: Annotated[bool, typer.Option("--accept/--reject", help="Whether models may learn from it.")],
    why: Annotated[str | None, typer.Option(help="Kept beside it.")] = None,
    url: Url = None,
    api_key: ApiKey = None,
) -> None:
    """Say whether models may learn from feedback; the last word counts."""
    with connect(url, api_key) as client:
        for each in feedback_id:
            decide = client.feedback.accept if accept else client.feedback.reject
            remark(f"{decide(each, why=why).state.capitalize()}: {each}")


@app.command("withdraw")
def withdraw(
    feedback_id: Annotated[list[str], typer.Argument(help="Ids of what you gave.")],
    url: Url = None,
    api_key: ApiKey = None,
) -> None:
    """Erase what you said, and the reward models that learnt from it."""
    with connect(url, api_key) as client:
        for each in feedback_id:
            client.feedback.withdraw(each)
            remark(f"Erased: {each}")


@app.command("export")
def export(
    file: Annotated[Path | None, typer.Argument(help="Where to; by default standard output.")] = None,
    url: Url = None,
    api_key: ApiKey = None,
) -> None:
    """Write what was accepted as pairs, a JSON object a line, as training recipes read preferences."""
    with connect(url, api_key) as client:
        lines = [json.dumps(pair.line(), ensure_ascii=False) for pair in client.feedback.pairs()]
    text = "".join(f"{line}\n" for line in lines)
    if file is None:
        typer.echo(text, nl=False)
        return
    file.write_text(text, "utf-8")
    remark(f"{len(lines)} pairs in {file}")


@app.command("train")
def train(
    built_in: Annotated[
        bool, typer.Option(help="With the pairs that come with the platform, or without.")
    ] = True,
    save: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Write weights and card there, too.")
    ] = None,
    as_json: AsJson = False,
    url: Url = None,
    api_key: ApiKey = None,
) -> None:
    """Make a reward model of what was accepted, and say how often it is right on pairs it has not seen."""
    with connect(url, api_key) as client:
        made = client.feedback.train(built_in=built_in)
        if save is not None:
            save.mkdir(parents=True, exist_ok=True)
            (save / "reward.safetensors").write_bytes(client.feedback.weights(made.id))
            (save / "reward.json").write_text(json.dumps(dict(made.card), indent=2), "utf-8")
    if as_json:
        out().print_json(data=asdict(made), default=str)
        return
    out().print(made.id)
    remark(
        f"Right on {made.accuracy:.0%} of {made.held_out} pairs it has not seen "
        f"({made.accuracy_low:.0%} to {made.accuracy_high:.0%}); learnt from {made.learnt}."
    )


def _version(found: "Feedback") -> str:
    by = found.answered_by
    if by is None:
        return ""
    name = f"{by.model}:{by.version}" if by.model else by.digest[:19]
    return printable(name if by.confirmed else f"{name}?")


def _line(text: str) -> str:
    """Its beginning, on one line."""
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN else f"{line[: _SHOWN - 4]} ..."
