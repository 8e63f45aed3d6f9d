"""Who is held by several rooms, told once."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from colonnade.ethics.decisions.domain import Held as HeldInRoom
from colonnade.ethics.wiring import erasing
from colonnade.rpc.erasure_servicer import Held
from colonnade.security.audit import AuditLog

AT = datetime(2030, 1, 1, tzinfo=UTC)


class Room:
    def __init__(self, *subjects: str, days: int) -> None:
        self._held = [HeldInRoom("acme", each, AT + timedelta(days=days)) for each in subjects]

    async def erase(self, tenant: str, subject: str) -> Mapping[str, int]:
        return {f"of_{len(self._held)}": sum(each.subject == subject for each in self._held)}

    async def held(self, after: tuple[str, str], limit: int) -> Sequence[HeldInRoom]:
        return [each for each in self._held if (each.tenant, each.subject) > after][:limit]


async def test_everybody_is_told_once_since_their_oldest(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(erasing, "_PAGE", 2)
    rooms = [Room("ann", "bob", "cid", "dan", days=3), Room("ann", "eve", days=1)]
    rewritten: list[str] = []

    async def rewrite() -> None:
        rewritten.append("once")

    trail = AuditLog(tmp_path / "ethics.jsonl", "ethics")
    eraser = erasing.RoomsEraser(
        [room.erase for room in rooms], [room.held for room in rooms], trail, rewrite
    )
    late, early = (int((AT + timedelta(days=days)).timestamp()) * 1_000_000 for days in (3, 1))
    assert sorted(await eraser.held()) == [
        Held("acme", "ann", early), Held("acme", "bob", late), Held("acme", "cid", late),
        Held("acme", "dan", late), Held("acme", "eve", early),
    ]  # fmt: skip
    removed = (await eraser.erase("acme", "eve", "era_1")).removed
    assert {name: removed[name] for name in ("of_4", "of_2")} == {"of_4": 0, "of_2": 1}
    assert "audit_keys" in removed
    assert rewritten == ["once"]
    trail.close()
