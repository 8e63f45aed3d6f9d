"""The watch over bias, which one room shows answers to and another tells of."""

from colonnade.ethics.bias.adapters.served import ServedModels
from colonnade.ethics.bias.adapters.sql_live import SqlLive
from colonnade.ethics.bias.domain.drift import Drift
from colonnade.ethics.bias.watching import Watching
from colonnade.ethics.settings import EthicsSettings
from colonnade.security.audit import Trail
from colonnade.security.identity import Principal
from colonnade.storage.sql import Database


def watching_of(
    settings: EthicsSettings, database: Database, models: ServedModels, trail: Trail, principal: Principal
) -> Watching:
    drift = Drift(settings.bias_clean_rate, settings.bias_excess_rate, settings.bias_patience)
    return Watching(
        SqlLive(database), models, trail, principal,
        share=settings.bias_share, comparisons=settings.bias_comparisons, drift=drift,
    )  # fmt: skip
