"""Who listens to a run."""

from colonnade.learn.loop.stop import Stop
from colonnade.learn.reports import Evaluated, Event, Stepped


class Heard(list[Event]):
    def __call__(self, event: Event) -> None:
        self.append(event)

    def close(self) -> None:
        pass

    @property
    def losses(self) -> list[float]:
        return [event.values["loss"] for event in self if isinstance(event, Evaluated)]


class Stopping(Heard):
    """Asks for the end after some steps."""

    def __init__(self, stop: Stop, after: int) -> None:
        super().__init__()
        self.stop, self.after = stop, after

    def __call__(self, event: Event) -> None:
        if isinstance(event, Stepped) and event.step == self.after:
            self.stop.ask()
