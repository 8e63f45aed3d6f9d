"""Whose signatures do engines take?"""

import os
from collections.abc import Iterator, Mapping

from colonnade.cli.checks.finding import Finding, ok, warn
from colonnade.security.seals import Trusted
from colonnade.supervise.home import Home

SETTING = "COLONNADE_ENGINE_TRUSTED_KEYS"


def look(home: Home, environ: Mapping[str, str] = os.environ) -> Iterator[Finding]:
    named = environ.get(SETTING, "")
    trusted = Trusted.parse(named or str(home.trusted_keys))
    count = len(trusted.keys()) if trusted else 0
    if count:
        by_hand = "" if named else f"; engines that you start yourself check digests only, without {SETTING}"
        yield ok("seals", f"engines take versions signed with {count} key{'s' if count > 1 else ''}{by_hand}")
    elif named or home.trusted_keys.exists():
        yield warn(
            "seals", "there is no public key that engines could trust: they will refuse every version",
            f"name PEM files in {SETTING}, or start the platform again: the registry puts its own there",
        )  # fmt: skip
    else:
        yield ok("seals", "the registry will make a key at its first start, and sign versions with it")
