"""``colonnade embed``"""

import json
from typing import Annotated

import typer

from colonnade.cli.connection import ApiKey, AsJson, Url, connect
from colonnade.cli.sampling import Adapter, Model, ModelSize
from colonnade.cli.standard_input import lines_of
from colonnade.cli.terminal import out, write


def embed(
    texts: Annotated[
        list[str], typer.Argument(help="Texts to embed; a single - takes each line of standard input.")
    ],
    model: Model = None,
    model_size: ModelSize = None,
    adapter: Adapter = None,
    truncate: Annotated[
        bool, typer.Option("--truncate", help="Cut texts that are too long, instead of refusing them.")
    ] = False,
    as_json: AsJson = False,
    url: Url = None,
    api_key: ApiKey = None,
) -> None:
    """Turn texts into vectors of length 1, one JSON list a line."""
    wanted = lines_of(texts, "texts")
    with connect(url, api_key) as client:
        found = client.embed(wanted, truncate=truncate, model=model, model_size=model_size, adapter=adapter)
    if as_json:
        from dataclasses import asdict

        out().print_json(data=asdict(found))
        return
    for vector in found.vectors:
        write(json.dumps(vector) + "\n")
