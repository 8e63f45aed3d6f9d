"""``python -m colonnade.learn plan``: what a run would take on several devices, before one is rented."""

import argparse
import json
import os
import re
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from colonnade.errors import InvalidArgument, Unavailable, Unsupported
from colonnade.learn.memory import Setup
from colonnade.learn.mesh.joining import is_joined, joined
from colonnade.learn.mesh.processes import MEMBER, end_with_parent, start
from colonnade.learn.mesh.settings import ParallelSettings
from colonnade.learn.plan import tables
from colonnade.learn.plan.collectives import SIZES, profile_collectives
from colonnade.learn.plan.recommend import recommend_parallelism
from colonnade.learn.recipe import Recipe, read_recipe
from colonnade.learn.run import config_of
from colonnade.learn.tuning.origin import Origin
from colonnade.learn.zero import read_zero
from colonnade.models.families.transformer.config import TransformerConfig
from colonnade.models.families.transformer.trainable import TRAINABLE

if TYPE_CHECKING:
    from argparse import _SubParsersAction

_UNITS = {"": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}
_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?([KMG]I?B|)", re.IGNORECASE)


def add(commands: "_SubParsersAction[argparse.ArgumentParser]") -> None:
    plans = commands.add_parser("plan", help="what a run would take on several devices")
    kinds = plans.add_subparsers(dest="plan", required=True)
    recipes = kinds.add_parser("recipe", help="which layout suits a recipe on so many devices")
    recipes.add_argument("recipe", type=Path, metavar="RECIPE", help="a YAML file")
    recipes.add_argument("--devices", type=int, required=True, help="how many")
    recipes.add_argument("--memory", required=True, metavar="SIZE", help="of each device: 80GB, 24GiB")
    recipes.add_argument("--machine", type=int, help="devices of one machine; all if left out")
    recipes.add_argument(
        "--set", action="append", default=[], metavar="FIELD=VALUE", help="change the recipe"
    )
    recipes.set_defaults(show=_recipe)
    presets = kinds.add_parser("presets", help="parameters and memory of the named configurations")
    presets.add_argument("--tokens", type=int, default=2048, help="of the one row of a step")
    presets.set_defaults(show=_presets)
    timed = kinds.add_parser("collectives", help="time what processes exchange")
    timed.add_argument("--processes", type=int, default=2, help="on this machine; under torchrun, its own")
    timed.add_argument("--sizes", nargs="+", default=[str(size) for size in SIZES], metavar="SIZE")
    timed.add_argument("--repeats", type=int, default=5)
    timed.add_argument(MEMBER, action="store_true", help=argparse.SUPPRESS)
    timed.set_defaults(show=_collectives)
    zero = kinds.add_parser("zero", help="a DeepSpeed configuration as sections of a recipe")
    zero.add_argument("configuration", type=Path, metavar="JSON")
    zero.add_argument("--processes", type=int, default=1, help="that it is for")
    zero.set_defaults(show=_zero)
    for each in (recipes, timed):
        each.add_argument("--json", action="store_true", help="print JSON")


def _recipe(options: argparse.Namespace) -> str:
    recipe = read_recipe(options.recipe, options.set)
    machine = options.machine or options.devices
    for field, value in (("devices", options.devices), ("machine", machine)):
        if not 1 <= value <= 1 << 16:
            raise InvalidArgument(f"{field}: it is between 1 and 65536", field=field, limit=1 << 16)
    config, setup = _config(recipe), setup_of(recipe)
    found = recommend_parallelism(config, setup, options.devices, _bytes(options.memory), machine=machine)
    if not options.json:
        return tables.of_recommendation(found)
    layout = asdict(found.choice.layout)
    said = {"parallel": layout, "rows": found.rows, "accumulate": found.accumulate}
    said |= {"recompute": found.choice.setup.recompute, "reasons": list(found.reasons)}
    said |= {"memory": asdict(found.choice.memory) | {"total": found.choice.memory.total}}
    return json.dumps(said) + "\n"


def _config(recipe: Recipe) -> TransformerConfig:
    origin = None if recipe.model.from_ is None else Origin.open(Path(recipe.model.from_))
    config = config_of(recipe, origin, None)
    if not isinstance(config, TransformerConfig):
        raise Unsupported(f"plan: {recipe.model.family} has no estimate yet", field="model.family")
    return config


def setup_of(recipe: Recipe) -> Setup:
    """What of a recipe decides its memory."""
    if recipe.tuning.kind != "full":
        raise Unsupported("plan: estimates are of full training; say tuning: {kind: full}", field="tuning")
    return Setup(
        optimiser=recipe.optimiser,
        rows=recipe.batch.rows,
        tokens=recipe.batch.tokens,
        weights=recipe.precise.weights,
        products=recipe.precise.products,
        recompute=recipe.batch.recompute,
        accumulate=recipe.batch.accumulate,
        average=recipe.average is not None,
    )


def _presets(options: argparse.Namespace) -> str:
    if options.tokens < 1:
        raise InvalidArgument("tokens: a row has at least 1", field="tokens", limit=1)
    named = {name: preset for name, preset in TRAINABLE.presets.items() if name != "debug"}
    return tables.of_presets(named, options.tokens)


def _collectives(options: argparse.Namespace) -> str:
    """Empty in all processes but the first."""
    if not is_joined() and options.processes > 1:
        return _started(options)
    if options.member:
        end_with_parent()
    with joined(ParallelSettings()) as mesh:
        if mesh.layout.world == 1:
            raise InvalidArgument("processes: exchanges are between 2 at least", field="processes", limit=2)
        sizes = [_bytes(size) for size in options.sizes]
        timings = profile_collectives(sizes, repeats=options.repeats, device=mesh.device)
    if not mesh.leads:
        return ""
    return (
        json.dumps([asdict(each) for each in timings]) + "\n" if options.json else tables.of_timings(timings)
    )


def _started(options: argparse.Namespace) -> str:
    """By as many processes of this program; the first one of them prints."""
    said = ["plan", "collectives", "--repeats", str(options.repeats), "--sizes", *options.sizes]
    said += ["--json"] if options.json else []
    if options.processes > (most := 8 * (os.cpu_count() or 1)):
        raise InvalidArgument(f"processes: at most {most} here", field="processes", limit=most)
    ends = start(("-P", "-m", "colonnade.learn", *said), options.processes, 0)
    if any(status for _, status in ends):
        raise Unavailable("a process ended before its time; what it printed says why")
    return ""


def _zero(options: argparse.Namespace) -> str:
    mapped = read_zero(options.configuration, max(1, options.processes))
    recipe: Any = json.loads(json.dumps(mapped.recipe))
    return tables.of_mapping(mapped, yaml.safe_dump(recipe, sort_keys=False))


def _bytes(said: str) -> int:
    match = _SIZE.fullmatch(said.strip())
    if match is None:
        raise InvalidArgument(f"{said[:40]!r} is no size; write one like 80GB or 24GiB", field="size")
    return int(float(match[1]) * _UNITS[match[2].upper()])
