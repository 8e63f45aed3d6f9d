"""``colonnade score``"""

from typing import TYPE_CHECKING, Annotated

import typer

from colonnade.cli.connection import ApiKey, AsJson, Url, connect
from colonnade.cli.sampling import Adapter, Model, ModelSize
from colonnade.cli.standard_input import lines_of
from colonnade.cli.terminal import out, write

if TYPE_CHECKING:
    from colonnade.client import Score


def score(
    texts: Annotated[
        list[str], typer.Argument(help="Texts to score; a single - takes each line of standard input.")
    ],
    context: Annotated[
        str, typer.Option("--context", "-c", help="What stands before each text; not scored itself.")
    ] = "",
    model: Model = None,
    model_size: ModelSize = None,
    adapter: Adapter = None,
    as_json: AsJson = False,
    url: Url = None,
    api_key: ApiKey = None,
) -> None:
    """Tell how likely a model finds texts: each token's log-probability, and their sum."""
    wanted = lines_of(texts, "texts")
    with connect(url, api_key) as client:
        found = client.score(wanted, context=context, model=model, model_size=model_size, adapter=adapter)
    if as_json:
        from dataclasses import asdict

        out().print_json(data=asdict(found))
        return
    for each in found.data:
        write(told(each))


def told(score: "Score") -> str:
    """A line for each token, then the sum and what it comes to for each token."""
    lines = [f"{token.logprob or 0.0:9.3f}  {token.text!r}" for token in score.tokens]
    mean = score.total_logprob / max(1, len(score.tokens))
    lines.append(f"{score.total_logprob:9.3f}  in all; {mean:.3f} a token over {len(score.tokens)}")
    return "\n".join(lines) + "\n"
