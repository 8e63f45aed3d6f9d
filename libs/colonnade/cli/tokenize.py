"""``colonnade tokenize``"""

from typing import TYPE_CHECKING, Annotated

import typer

from colonnade.cli.connection import ApiKey, AsJson, Url, connect
from colonnade.cli.sampling import Model, ModelSize
from colonnade.cli.standard_input import text_of_input
from colonnade.cli.terminal import out, write

if TYPE_CHECKING:
    from colonnade.client import Tokens


def tokenize(
    text: Annotated[str, typer.Argument(help="The text; a single - takes standard input.")],
    chat: Annotated[
        bool, typer.Option("--chat", help="As a user's message, with all that the model's template adds.")
    ] = False,
    plain: Annotated[
        bool, typer.Option("--plain", help="Without what the tokenizer puts around a text.")
    ] = False,
    count: Annotated[
        bool, typer.Option("--count", help="Print how many there are, and nothing else.")
    ] = False,
    model: Model = None,
    model_size: ModelSize = None,
    as_json: AsJson = False,
    url: Url = None,
    api_key: ApiKey = None,
) -> None:
    """Show what a text is in a model's tokens: each one's id and text, and how many there are."""
    given = text_of_input("text") if text == "-" else text
    with connect(url, api_key) as client:
        found = client.tokenize(
            None if chat else given,
            messages=[{"role": "user", "content": given}] if chat else None,
            add_special_tokens=False if plain else None,
            with_texts=not count,
            model=model,
            model_size=model_size,
        )
    if as_json:
        from dataclasses import asdict

        out().print_json(data=asdict(found))
        return
    write(f"{found.count}\n" if count else told(found))


def told(found: "Tokens") -> str:
    """A line for each token, then what it comes to."""
    lines = [
        f"{token:9d}  {text!r}" for token, text in zip(found.tokens, found.token_strs or (), strict=False)
    ]
    lines.append(f"{found.count:9d}  in all; the model takes {found.max_model_len}")
    return "\n".join(lines) + "\n"
