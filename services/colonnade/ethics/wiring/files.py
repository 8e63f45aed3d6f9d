"""The files of the service's database, written anew once somebody was erased."""

from colonnade.ethics.adapting.adapters import tables as adapting
from colonnade.ethics.bias.adapters import tables as bias
from colonnade.ethics.decisions import tables as decisions
from colonnade.ethics.feedback import tables as feedback
from colonnade.ethics.policies_kept import tables as policies
from colonnade.storage.sql import Database
from colonnade.storage.sql_erasing import rewrite

_ALL = (policies.METADATA, decisions.METADATA, feedback.METADATA, bias.METADATA, adapting.METADATA)


async def rewritten(database: Database) -> None:
    """``Unavailable`` where others hold on to what was there."""
    if database.is_sqlite:  # one file has them all
        await rewrite(database, policies.METADATA)
        return
    for metadata in _ALL:
        await rewrite(database, metadata)
