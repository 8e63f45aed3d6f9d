"""What ``colonnade up`` says when everything answers."""

import shlex

from colonnade.supervise.console import Console
from colonnade.supervise.home import Home

_BODY = '{"messages": [{"role": "user", "content": "What is the capital of France?"}], "max_tokens": 40}'


def welcome(
    home: Home, url: str, *, detached: bool, with_key: bool = False, console: Console | None = None
) -> str:
    """``with_key`` where the platform requires one."""
    elsewhere = home != Home.of()  # then the other commands must be told
    at_home = f" --home {shlex.quote(str(home.root))}" if elsewhere else ""
    at_url = f" --url {url}" if elsewhere else ""
    stop = f"colonnade down{at_home}"
    header = ' \\\n         -H "Authorization: Bearer $COLONNADE_API_KEY"' if with_key else ""
    lines = (
        "",
        f"Colonnade is ready: {url}",
        "",
        f"  Ask    curl -s {url}/generate -H 'Content-Type: application/json'{header} \\",
        f"         -d '{_BODY}'",
        *([f"  See    {console.url}    (the web console)"] if console else []),
        f"  Chat   colonnade chat{at_url}",
        f"  Look   colonnade status{at_home}    {url}/docs",
        f"  Stop   {stop}" if detached else f"  Stop   Ctrl-C, or: {stop}",
        "",
    )
    return "\n".join(lines)
