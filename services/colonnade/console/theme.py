"""Light or dark: as the system has it, until somebody says otherwise."""

from starlette.datastructures import Headers

from colonnade.console.guard import cookie_of

COOKIE = "colonnade_theme"
CHOICES = ("system", "light", "dark")


def theme_of(headers: Headers) -> str:
    """What the browser remembers."""
    said = cookie_of(headers, COOKIE)
    return said if said in CHOICES else "system"


def after(theme: str) -> str:
    """The next one, round and round."""
    return CHOICES[(CHOICES.index(theme) + 1) % len(CHOICES)]
