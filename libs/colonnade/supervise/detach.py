"""Starts the supervisor in the background.

A fresh process in a session of its own, not a fork of this one: a fork copies threads' locks and a
terminal's state.
"""

import os
import subprocess
import sys

from colonnade.errors import ColonnadeError, Internal
from colonnade.supervise.console import Console
from colonnade.supervise.control import accepted
from colonnade.supervise.engines import Engines
from colonnade.supervise.home import Home

_MODULE = "colonnade.supervise"


def start_detached(
    home: Home, *, host: str, port: int, engines: Engines, console: Console | None = None
) -> int:
    """Returns the supervisor's pid once it answers on its control socket; services may still be starting.

    Raises what stood in the way: another platform, a port in use.
    """
    home.prepare()
    ours, theirs = os.pipe()
    command = [sys.executable, "-P", "-m", _MODULE, "--home", str(home.root)]
    command += ["--host", host, "--port", str(port), "--tell", str(theirs)]
    command += engines.arguments() + (console.arguments() if console else [])
    with home.log("supervisor").open("ab") as log, os.fdopen(ours, "rb") as answers:
        process = subprocess.Popen(  # noqa: S603 - our own module
            command,
            cwd=home.root,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=(theirs,),
            start_new_session=True,
        )
        os.close(theirs)
        line = answers.readline()
    if not line:
        process.wait()
        raise Internal("the supervisor ended before it could start anything; see: colonnade logs supervisor")
    try:
        accepted(line)
    except ColonnadeError:
        process.wait()
        raise
    process.returncode = 0  # it outlives us on purpose: nobody here will wait for it
    return process.pid
