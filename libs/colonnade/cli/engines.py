"""``colonnade engines``"""

from dataclasses import asdict
from typing import TYPE_CHECKING

from colonnade.cli.connection import ApiKey, AsJson, Url, connect
from colonnade.cli.terminal import human_seconds, out, remark, table

if TYPE_CHECKING:
    from colonnade.client import Engine


def engines(as_json: AsJson = False, url: Url = None, api_key: ApiKey = None) -> None:
    """The engines, what they have in memory, how busy they are, and which of them are left out."""
    with connect(url, api_key) as client:
        known = client.engines()
    if as_json:
        out().print_json(data=[asdict(engine) for engine in known])
        return
    if not known:
        remark("There is no engine. One that is started with COLONNADE_ENGINE_REGISTER_WITH appears here.")
        return
    rows = table(
        "address", "state", "outstanding", "running", "waiting", "models", "lease",
        right=("outstanding", "running", "waiting"),
    )  # fmt: skip
    for engine in known:
        lease = "-" if engine.lease_seconds is None else human_seconds(engine.lease_seconds)
        rows.add_row(
            engine.address, engine.why_not or "ready", f"{engine.outstanding_tokens} tokens",
            str(engine.running), str(engine.waiting), ", ".join(engine.models), lease,
        )  # fmt: skip
    out().print(rows)
    for engine in known:
        for line in _left_out(engine):
            out().print(f"{engine.address}: {line}")


def _left_out(engine: "Engine") -> list[str]:
    """Why it does not get all that it could."""
    lines = []
    if engine.why_not == "ejected":
        lines.append(f"left out for {human_seconds(engine.ejected_seconds)} more, after failures")
    for breaker in engine.breakers:
        seconds = human_seconds(breaker.seconds)
        when = f"for {seconds} more" if breaker.seconds else "until one request goes well"
        lines.append(f"no requests of {breaker.digest[:19]} {when}, after failures of this version there")
    return lines
