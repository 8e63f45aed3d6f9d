"""A supervisor of fake services as a process; its arguments are the home and the services' arguments."""

import asyncio
import sys
from pathlib import Path

from colonnade.supervise.home import Home
from colonnade.supervise.supervisor import Supervisor
from tests.unit.supervise.stage import fake_spec, quick_watch


async def main() -> None:
    home = Home(Path(sys.argv[1]))
    specs = [fake_spec(home, name, *sys.argv[2:]) for name in ("registry", "engine")]
    supervisor = Supervisor(home, specs, watch=quick_watch)
    supervisor.stop_on_signals()
    await supervisor.run()


if __name__ == "__main__":
    asyncio.run(main())
