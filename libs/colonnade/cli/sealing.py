"""``colonnade models seals`` and ``colonnade models sign``"""

import re
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from colonnade.cli.connection import ApiKey, AsJson, Url, connect
from colonnade.cli.terminal import out, remark, table
from colonnade.errors import Conflict, InvalidArgument

if TYPE_CHECKING:
    from colonnade.client import Colonnade, SealList, Version

PUBLIC_KEY = "colonnade.pub"


def show_seals(
    model: Annotated[str, typer.Argument(help="smollm2, or with --out one version of it, smollm2:3.")],
    folder: Annotated[
        Path | None,
        typer.Option("--out", help="Write the version's files and its seal here, and the key beside it."),
    ] = None,
    as_json: AsJson = False,
    url: Url = None,
    api_key: ApiKey = None,
) -> None:
    """Who signed which version; with --out, a folder that anyone can check with model_signing."""
    from colonnade.cli.exporting import chosen

    name = re.split("[:@]", model)[0]
    with connect(url, api_key) as client:
        listed = client.seals.list(name)
        if folder is not None:
            version = chosen(client.models.get(name), model)
            _write(client, version, listed, folder)
            return
    if as_json:
        out().print_json(data=asdict(listed), default=str)
        return
    rows = table("version", "key", "signed", "by", right=("version",))
    for seal in listed.seals:
        when = seal.sealed_at.strftime("%Y-%m-%d %H:%M") if seal.sealed_at else ""
        key = seal.key[:16] + (" (now)" if seal.current else "") if seal.key else "not signed"
        rows.add_row(str(seal.version), key, when, seal.sealed_by)
    out().print(rows)


def sign_versions(
    model: Annotated[str, typer.Argument(help="One version (smollm2:3), or all of a model (smollm2).")],
    url: Url = None,
    api_key: ApiKey = None,
) -> None:
    """Sign a version, or all of a model, with the registry's key of now."""
    match = re.fullmatch(r"([^:@]+)(?::([1-9]\d{0,8}))?", model)
    if match is None:
        raise InvalidArgument(f"{model!r} is not a name or name:version", field="model")
    with connect(url, api_key) as client:
        numbers = [int(match[2])] if match[2] else [s.version for s in client.seals.list(match[1]).seals]
        for number in sorted(numbers):
            seal = client.seals.sign(match[1], number)
            remark(f"Signed {match[1]}:{seal.version} with {seal.key[:16]}.")


def _write(client: "Colonnade", version: "Version", listed: "SealList", folder: Path) -> None:
    from colonnade.cli.fetching import pull

    detail = client.seals.get(version.name, version.version)
    if not detail.bundle:
        raise Conflict(
            f"{version.name}:{version.version} has no seal; sign it first (`colonnade models sign`)",
            field="model",
        )
    target = folder.expanduser().absolute()
    pull(client, version, target, "", as_stored=True)
    (target / "colonnade-seal.json").write_text(detail.statement)
    (target / "model.sig").write_text(detail.bundle)
    key = target.with_name(f"{target.name}.{PUBLIC_KEY}")
    key.write_text(listed.public_key)
    remark(f"Wrote {version.name}:{version.version} to {folder}, and the key of now to {key.name} beside it.")
    remark(f"To check: model_signing verify key {folder} --signature {folder}/model.sig --public_key {key}")
