"""Where a browser is sent."""

from urllib.parse import quote


def inside(path: str) -> str:
    """A path of the console; never another site's, nor one that would lead round in a circle."""
    fine = path.startswith("/") and not path.startswith(("//", "/\\", "/sign-")) and path.isprintable()
    return path if fine else "/"


def way_in(path: str, why: str = "") -> str:
    """Where somebody without a session signs in, to come back to ``path``."""
    return f"/sign-in?next={quote(inside(path), safe='/')}" + (f"&why={why}" if why else "")
