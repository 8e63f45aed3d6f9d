"""``colonnade models search``, ``describe``, ``card``, ``tag``, ``delete``, ``rename`` and ``compare``"""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from colonnade.cli.connection import ApiKey, AsJson, Url, connect
from colonnade.cli.terminal import human_bytes, out, printable, remark, table
from colonnade.errors import InvalidArgument
from colonnade.security.inputs import open_regular
from colonnade.security.inputs.catalogue import MAX_CARD_BYTES

if TYPE_CHECKING:
    from colonnade.client import VersionDetail

_Model = Annotated[str, typer.Argument(help="A model (smollm2), or a version of one (smollm2:3).")]
_Version = Annotated[str, typer.Argument(help="As in smollm2:3.")]
_Why = Annotated[str | None, typer.Option(help="Kept with the record.")]


def search(
    filter_text: Annotated[
        str, typer.Argument(metavar="[FILTER]", help="name LIKE 'smol%' AND metrics.loss < 2")
    ] = "",
    versions: Annotated[bool, typer.Option("--versions", help="Versions instead of models.")] = False,
    order_by: Annotated[str | None, typer.Option(help="updated_at DESC")] = None,
    as_json: AsJson = False,
    url: Url = None,
    api_key: ApiKey = None,
) -> None:
    """Find models, or versions, by their facts, tags and metrics."""
    with connect(url, api_key) as client:
        if versions:
            found: list[Any] = list(client.models.search_versions(filter_text, order_by=order_by))
        else:
            found = list(client.models.search(filter_text, order_by=order_by))
    if as_json:
        out().print_json(data=[asdict(each) for each in found], default=str)
        return
    rows = table("name", "newest" if not versions else "version", "family", "size", "owner", "tags")
    for each in found:
        number = each.version if versions else each.latest_version
        told = ", ".join(f"{key}={_short(value)}" for key, value in each.tags.items())
        rows.add_row(
            each.name, str(number or "-"), each.family, each.size_label, each.tenant, printable(told)
        )
    out().print(rows)


def describe(
    model: _Model,
    description: Annotated[str | None, typer.Option(help="What it is for.")] = None,
    card: Annotated[Path | None, typer.Option(help="A Markdown file; of a version.")] = None,
    create: Annotated[bool, typer.Option("--create", help="A new model, without versions.")] = False,
    expected_revision: Annotated[
        int | None, typer.Option(help="Refuse if it was changed since; of a version.")
    ] = None,
    url: Url = None,
    api_key: ApiKey = None,
) -> None:
    """Say what a model, or a version, is for."""
    name, number = named(model)
    if not number and (card or expected_revision is not None):
        raise InvalidArgument("a card is a version's; name one, as in smollm2:3", field="model")
    if create and number:
        raise InvalidArgument("--create makes a model; its versions come by imports", field="model")
    text = _read(card) if card else None
    with connect(url, api_key) as client:
        if number:
            client.models.describe_version(
                name, number, description=description, card=text, expected_revision=expected_revision
            )
        elif create:
            client.models.create(name, description=description)
        else:
            client.models.describe(name, description=description)
    remark(f"{'Made' if create else 'Described'} {model}.")


def card(version: _Version, url: Url = None, api_key: ApiKey = None) -> None:
    """Print a version's card: its author's words, and what the platform knows."""
    with connect(url, api_key) as client:
        text = client.models.card(*version_of(version))
    out().print(printable(text))


def tag(
    model: _Model,
    tags: Annotated[list[str], typer.Argument(help="team=search sets one; team- removes it.")],
    url: Url = None,
    api_key: ApiKey = None,
) -> None:
    """Set and remove tags of a model or a version."""
    name, number = named(model)
    set_tags = dict(each.split("=", 1) for each in tags if "=" in each)
    removed = [each.removesuffix("-") for each in tags if "=" not in each]
    if any("=" not in each and not each.endswith("-") for each in tags):
        raise InvalidArgument("a tag is set as key=value and removed as key-", field="tags")
    with connect(url, api_key) as client:
        if number:
            client.models.describe_version(name, number, set_tags=set_tags, remove_tags=removed)
        else:
            client.models.describe(name, set_tags=set_tags, remove_tags=removed)
    remark(f"Tagged {model}.")


def delete(model: _Model, why: _Why = None, url: Url = None, api_key: ApiKey = None) -> None:
    """Delete a version, or a model with all its versions. Numbers are never given again."""
    name, number = named(model)
    with connect(url, api_key) as client:
        if number:
            client.models.delete_version(name, number, why=why)
        else:
            client.models.delete(name, why=why)
    remark(f"Deleted {model}.")


def rename(
    name: Annotated[str, typer.Argument(help="The model's name.")],
    to: Annotated[str, typer.Argument(help="Its new one.")],
    url: Url = None,
    api_key: ApiKey = None,
) -> None:
    """Give a model another name; nothing answers to the old one any more."""
    with connect(url, api_key) as client:
        client.models.rename(name, to)
    remark(f"{name} is {to} now.")


def compare(
    first: _Version, second: _Version, as_json: AsJson = False, url: Url = None, api_key: ApiKey = None
) -> None:
    """Show two versions side by side: facts and metrics, with what differs marked."""
    with connect(url, api_key) as client:
        versions = [client.models.version(*version_of(each)) for each in (first, second)]
    facts = [facts_of(version) for version in versions]
    names = list(dict.fromkeys([*facts[0], *facts[1]]))
    if as_json:
        told = {name: [fact.get(name, "") for fact in facts] for name in names}
        out().print_json(data=told)
        return
    rows = table("fact", first, second, "")
    for name in names:
        one, two = (printable(fact.get(name, "")) for fact in facts)
        rows.add_row(name, one, two, "" if one == two else "*")
    out().print(rows)


def facts_of(version: "VersionDetail") -> Mapping[str, str]:
    """What is compared of a version, by name."""
    facts = {
        "family": version.family,
        "parameters": f"{version.parameters:,}",
        "size": version.size_label,
        "context": str(version.context_length),
        "bytes": human_bytes(version.size_bytes),
        "digest": version.digest[:19],
        "base": version.base[:19],
        "aliases": ", ".join(version.aliases),
        "description": version.description,
    }
    facts |= {f"tags.{key}": _short(value) for key, value in version.tags.items()}
    last = {metric.key: metric for metric in sorted(version.metrics, key=lambda metric: metric.step)}
    return facts | {f"metrics.{key}": f"{last[key].value:g}" for key in sorted(last)}


def named(text: str) -> tuple[str, int]:
    """``smollm2`` and ``smollm2:3``; the number of the first is 0."""
    name, colon, number = text.partition(":")
    if colon and not (number.isascii() and number.isdigit() and int(number)):
        raise InvalidArgument(f"{text!r} is no version; name one as in smollm2:3", field="version")
    return name, int(number) if colon else 0


def version_of(text: str) -> tuple[str, int]:
    name, number = named(text)
    if not number:
        raise InvalidArgument(f"{text!r} is no version; name one as in {text}:1", field="version")
    return name, number


def _read(path: Path) -> str:
    try:
        with open_regular(path, MAX_CARD_BYTES, "card") as file:
            return file.read().decode()
    except (OSError, UnicodeDecodeError):
        raise InvalidArgument(f"{path.name} cannot be read as a text in UTF-8", field="card") from None


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:39]}…"


COMMANDS: Mapping[str, Callable[..., None]] = {
    "search": search,
    "describe": describe,
    "card": card,
    "tag": tag,
    "delete": delete,
    "rename": rename,
    "compare": compare,
}
