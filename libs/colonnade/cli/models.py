"""``colonnade models``"""

import re
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from colonnade.cli import cataloguing, drafting, sealing
from colonnade.cli.connection import ApiKey, AsJson, HomeFolder, Url, connect
from colonnade.cli.lineage import evaluations
from colonnade.cli.terminal import human_bytes, out, remark, table
from colonnade.errors import InvalidArgument, NotFound
from colonnade.storage.bundled import DEFAULT, PREFIX

if TYPE_CHECKING:
    from colonnade.client import Alias, Colonnade, Model

app = typer.Typer(
    no_args_is_help=True,
    help="List, show, import, push, pull, prepare and export models, and move their aliases.",
)
Name = Annotated[str, typer.Argument(help="The model's name.")]
app.command("evaluations")(evaluations)
for _name, _command in cataloguing.COMMANDS.items():
    app.command(_name)(_command)
_ELSEWHERE = re.compile(r"bundled:|[a-z][a-z0-9+.-]*://", re.IGNORECASE)
"""Sources that are no paths; the platform knows what to say of them."""


@app.command("list")
def list_models(as_json: AsJson = False, url: Url = None, api_key: ApiKey = None) -> None:
    """All models with their newest version and aliases."""
    with connect(url, api_key) as client:
        known = client.models.list()
    if as_json:
        _print_json([asdict(model) for model in known])
        return
    if not known:
        remark(f"There are no models yet; import one with: colonnade models import {PREFIX}{DEFAULT}")
        return
    rows = table("name", "family", "size", "newest", "aliases", right=("newest",))
    for model in known:
        aliases = ", ".join(told(alias) for alias in model.aliases)
        rows.add_row(model.name, model.family, model.size_label, str(model.latest_version or "-"), aliases)
    out().print(rows)


@app.command("show")
def show_model(name: Name, as_json: AsJson = False, url: Url = None, api_key: ApiKey = None) -> None:
    """One model with its aliases and versions."""
    with connect(url, api_key) as client:
        model = client.models.get(name)
    if as_json:
        _print_json(asdict(model))
        return
    out().print(f"{model.name}  {model.description}".rstrip())
    if model.base:
        out().print(f"  an adapter of {model.base[:19]}")
    for alias in model.aliases:
        out().print(f"  {told(alias)}")
    _print_versions(model)


@app.command("import")
def import_model(
    source: Annotated[
        str,
        typer.Argument(
            help=f"A Hugging Face or PEFT folder, a .gguf file, an allowed URL, or {PREFIX}{DEFAULT}."
        ),
    ],
    name: Annotated[str | None, typer.Option(help="By default made from the source's name.")] = None,
    alias: Annotated[
        str | None,
        typer.Option(help="Moved to the new version; by default production, for a model's first version."),
    ] = None,
    description: Annotated[str | None, typer.Option(help="What the model is for.")] = None,
    base: Annotated[
        str | None, typer.Option(help="For a LoRA adapter: the model version it was made for, as smollm2:1.")
    ] = None,
    url: Url = None,
    api_key: ApiKey = None,
) -> None:
    """Convert a model that lies on the platform's machine into a new version."""
    from colonnade.cli.importing import follow

    located = located_source(source)
    chosen = name or name_from(source)
    with connect(url, api_key) as client:
        moved = alias or ("production" if _is_new(client, chosen) else None)
        stream = client.models.import_(located, name=chosen, alias=moved, description=description, base=base)
        version = follow(stream)
    pointed = f", now {version.name}@{moved}" if moved else ""
    remark(
        f"Imported {version.name}:{version.version} ({version.size_label}, {version.digest[:19]}){pointed}."
    )


@app.command("prepare")
def prepare_model(
    model: Annotated[str, typer.Argument(help="smollm2 (its production), smollm2:3 or smollm2@candidate.")],
    url: Url = None,
    api_key: ApiKey = None,
) -> None:
    """Have an engine load a version ahead of its first request."""
    from colonnade.cli.preparing import follow

    with connect(url, api_key) as client:
        follow(client.models.prepare(model))


@app.command("export")
def export_model(
    model: Annotated[str, typer.Argument(help="smollm2 (its production), smollm2:3 or smollm2@candidate.")],
    folder: Annotated[Path, typer.Argument(help="A new folder for Hugging Face's layout.")],
    dtype: Annotated[
        str, typer.Option(help="float32, float16 or bfloat16; by default as the weights are stored.")
    ] = "",
    home: HomeFolder = None,
    url: Url = None,
    api_key: ApiKey = None,
) -> None:
    """Write a version as a folder that transformers, vLLM and PEFT open."""
    from colonnade.cli.exporting import chosen, export

    with connect(url, api_key) as client:
        version = chosen(client.models.get(re.split("[:@]", model)[0]), model)
    export(version, folder.expanduser().absolute(), dtype, home)
    remark(f"Exported {version.name}:{version.version} to {folder}.")


@app.command("push")
def push_model(
    source: Annotated[
        Path, typer.Argument(help="A Hugging Face or PEFT folder, or a .gguf file, of this machine.")
    ],
    name: Name,
    alias: Annotated[
        str | None,
        typer.Option(help="Moved to the new version; by default production, for a model's first version."),
    ] = None,
    description: Annotated[str | None, typer.Option(help="What the model is for.")] = None,
    base: Annotated[
        str | None, typer.Option(help="For a LoRA adapter: the model version it was made for, as smollm2:1.")
    ] = None,
    url: Url = None,
    api_key: ApiKey = None,
) -> None:
    """Send a model of this machine to the platform, as a new version. Type it again to go on with a push."""
    from colonnade.cli.importing import follow
    from colonnade.cli.sending import send

    with connect(url, api_key) as client:
        draft = send(client, source, name, alias, description, base)
        version = follow(client.drafts.seal(name, draft.number))
    remark(f"Pushed {version.name}:{version.version} ({version.size_label}, {version.digest[:19]}).")


@app.command("pull")
def pull_model(
    model: Annotated[str, typer.Argument(help="smollm2 (its production), smollm2:3 or smollm2@candidate.")],
    folder: Annotated[Path, typer.Argument(help="A new folder for Hugging Face's layout.")],
    as_stored: Annotated[
        bool, typer.Option("--as-stored", help="The files as the platform keeps them; takes no PyTorch here.")
    ] = False,
    dtype: Annotated[
        str, typer.Option(help="float32, float16 or bfloat16; by default as the weights are stored.")
    ] = "",
    url: Url = None,
    api_key: ApiKey = None,
) -> None:
    """Fetch a version to this machine, as a folder that transformers opens. Type it again to go on."""
    from colonnade.cli.exporting import chosen
    from colonnade.cli.fetching import pull

    with connect(url, api_key) as client:
        version = chosen(client.models.get(re.split("[:@]", model)[0]), model)
        pull(client, version, folder.expanduser().absolute(), dtype, as_stored=as_stored)
    remark(f"Pulled {version.name}:{version.version} to {folder}.")


@app.command("alias")
def set_alias(
    name: Name,
    alias: Annotated[str, typer.Argument(help="production, candidate ...")],
    targets: Annotated[
        list[str] | None,
        typer.Argument(help="A version (3), or several with weights in percent (3=90 4=10)."),
    ] = None,
    delete: Annotated[bool, typer.Option("--delete", help="Remove the alias.")] = False,
    expected_revision: Annotated[
        int | None, typer.Option(help="Refuse if somebody moved it since this revision.")
    ] = None,
    url: Url = None,
    api_key: ApiKey = None,
) -> None:
    """Point an alias at a version, or at several by weight."""
    from colonnade.client import AliasTarget

    if delete == bool(targets):
        raise InvalidArgument("give the version to point at, or --delete, and not both", field="targets")
    with connect(url, api_key) as client:
        if delete:
            client.models.delete_alias(name, alias)
            remark(f"Removed {name}@{alias}.")
            return
        aimed = [AliasTarget(*weighed(target)) for target in targets or ()]
        moved = client.models.set_alias(name, alias, aimed, expected_revision=expected_revision)
    remark(f"{name}: {told(moved)} (revision {moved.revision})")


app.command("drafts")(drafting.drafts)
app.command("seals")(sealing.show_seals)
app.command("sign")(sealing.sign_versions)


def located_source(source: str) -> str:
    """As the platform needs it: absolute, since it stands in another folder."""
    return source if _ELSEWHERE.match(source) else str(Path(source).expanduser().absolute())


def name_from(source: str) -> str:
    """A model name out of ``bundled:x``, a folder or a file."""
    last = (
        source.removeprefix(PREFIX)
        if source.startswith(PREFIX)
        else Path(source).expanduser().absolute().name
    )
    name = re.sub(r"[^a-z0-9._-]+", "-", last.removesuffix(".gguf").lower()).strip("-._")
    if not name:
        raise InvalidArgument("this source has no name to take; give one with --name", field="name")
    return name


def weighed(target: str) -> tuple[int, int]:
    """``"3=90"`` to (3, 90); a version alone has all the weight."""
    version, separator, weight = target.partition("=")
    try:
        return int(version), int(weight) if separator else 100
    except ValueError as error:
        raise InvalidArgument(
            f"{target!r} is not a version or version=percent, as in 3 or 3=90", field="targets"
        ) from error


def told(alias: "Alias") -> str:
    """``production -> 3``, ``production -> 3 (90%), 4 (10%)``"""
    if len(alias.targets) == 1:
        return f"{alias.name} -> {alias.targets[0].version}"
    shares = ", ".join(f"{target.version} ({target.weight}%)" for target in alias.targets)
    return f"{alias.name} -> {shares}"


def _is_new(client: "Colonnade", name: str) -> bool:
    try:
        client.models.get(name)
    except NotFound:
        return True
    return False


def _print_versions(model: "Model") -> None:
    rows = table(
        "version", "size", "family", "context", "bytes", "made", "digest", right=("version", "bytes")
    )
    for version in model.versions:
        made = version.created_at.strftime("%Y-%m-%d %H:%M") if version.created_at else ""
        size = human_bytes(version.size_bytes) if version.size_bytes else ""
        rows.add_row(
            str(version.version), version.size_label, version.family, str(version.context_length), size, made,
            version.digest[:19],
        )  # fmt: skip
    out().print(rows)


def _print_json(data: object) -> None:
    out().print_json(data=data, default=str)
