"""A process that runs one conversion, for a test that kills it."""

import asyncio
import os
import sys
from pathlib import Path

from colonnade.registry.adapters.convert_process import ConvertProcess


async def main() -> None:
    source, folder = map(Path, sys.argv[1:])
    command = (sys.executable, "-P", str(Path(__file__).with_name("converter.py")))
    importer = ConvertProcess(folder, os.environ, command=command)
    async with importer.workspace() as out:
        async for _ in importer.convert(source, out):
            sys.stdout.write("hanging\n")
            sys.stdout.flush()


asyncio.run(main())
