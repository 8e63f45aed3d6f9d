"""The options of ``generate`` that give the answer a form."""

import json
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import typer

from colonnade.errors import InvalidArgument
from colonnade.security.inputs.sizes import MIB, check_size

_PANEL = "Form of the answer"
_MAX_BYTES = MIB
_FILE: dict[str, Any] = {"exists": True, "dir_okay": False, "rich_help_panel": _PANEL}

JsonSchema: TypeAlias = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Answer with JSON that this JSON Schema allows.", **_FILE)
]
Regex: TypeAlias = Annotated[
    str | None,
    typer.Option(help="Answer with text that this expression matches.", rich_help_panel=_PANEL),
]
Grammar: TypeAlias = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Answer with text of this Lark grammar.", **_FILE)
]
JsonObject: TypeAlias = Annotated[
    bool, typer.Option("--json-object", help="Answer with any JSON object.", rich_help_panel=_PANEL)
]


def structure(
    json_schema: Path | None, regex: str | None, grammar: Path | None, json_object: bool
) -> dict[str, Any] | None:
    """What ``POST /generate`` takes as ``structure``; None where no form was asked for."""
    given: dict[str, Any] = {}
    if json_schema is not None:
        given["json_schema"] = _schema(json_schema)
    if regex is not None:
        given["regex"] = regex
    if grammar is not None:
        given["grammar"] = _text(grammar, "grammar")
    if json_object:
        given["json_object"] = True
    if len(given) > 1:
        raise InvalidArgument(
            "give one of --json-schema, --regex, --grammar and --json-object", field="structure"
        )
    return given or None


def _schema(path: Path) -> Any:
    try:
        return json.loads(_text(path, "json_schema"))
    except (ValueError, RecursionError):
        raise InvalidArgument(f"{path.name} is not JSON", field="json_schema") from None


def _text(path: Path, field: str) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_BYTES + 1)
        check_size(len(data), _MAX_BYTES, path.name)
        return data.decode()
    except OSError as error:
        raise InvalidArgument(f"{path.name} cannot be read: {error.strerror}", field=field) from None
    except UnicodeDecodeError:
        raise InvalidArgument(f"{path.name} must be UTF-8 text", field=field) from None
