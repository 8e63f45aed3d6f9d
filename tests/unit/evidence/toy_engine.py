"""An engine that multiplies, prints, fails and dies when asked to."""

import os
import sys

from evidence.performance.engines.child import serve


class Toy:
    def __init__(self, factor: int) -> None:
        if factor == 0:
            raise ValueError("factor must not be 0")
        self._factor = factor

    def work(self, number: int) -> int:
        return self._factor * number

    def pid(self) -> int:
        return os.getpid()

    def chatter(self) -> str:
        print('{"result": "loud"}')  # noqa: T201
        return "quiet"

    def fail(self) -> float:
        return 1 / 0

    def die(self) -> None:
        sys.stderr.write("no such instruction\n")
        sys.stderr.flush()
        os._exit(9)


if __name__ == "__main__":
    serve(Toy)
