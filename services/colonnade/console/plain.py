"""Pages without a script and without a session: the sign-in, and what is said of an address that is none."""

from string import Template

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import HTMLResponse

from colonnade.console.theme import theme_of

_PAGE = Template("""<!doctype html>
<html lang="en" data-theme="$theme">
<head><meta charset="utf-8"><title>$title · Colonnade</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="/assets/icon.svg"><link rel="stylesheet" href="/assets/console.css"></head>
<body class="door"><main>
<h1><img src="/assets/icon.svg" alt="" width="36" height="36"> Colonnade</h1>
$body
</main></body></html>
""")
_NOWHERE = """<p><strong>There is no such page.</strong></p>
<p>Look whether the address is right, or go on from <a href="/">the playground</a>,
<a href="/models">the models</a> or <a href="/rollouts">the rollouts</a>.</p>"""


def plain_page(headers: Headers, title: str, body: str, status: int = 200) -> HTMLResponse:
    """``body`` is HTML: whatever others wrote in it has to be escaped."""
    page = _PAGE.substitute(title=title, body=body, theme=theme_of(headers))
    return HTMLResponse(page, status, headers={"cache-control": "no-store"})


async def nowhere(request: Request, error: Exception) -> HTMLResponse:
    return plain_page(request.headers, "No such page", _NOWHERE, 404)
