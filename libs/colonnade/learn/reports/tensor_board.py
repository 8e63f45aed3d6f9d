"""TensorBoard's event files: ``tensorboard --logdir RUN/tensorboard``."""

from pathlib import Path

from torch.utils.tensorboard import SummaryWriter

from colonnade.learn.reports.events import Began, Evaluated, Event, Sampled, Stepped, Values


class TensorBoard:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._opened: SummaryWriter | None = None

    def __call__(self, event: Event) -> None:
        match event:
            case Began(step):
                self.close()
                self._opened = SummaryWriter(str(self._folder), purge_step=step + 1)
            case Stepped(step, values):
                self._write("train", step, values)
            case Evaluated(step, values):
                self._write("validation", step, values)
            case Sampled(step, prompt, text):
                self._writer.add_text(f"samples/{prompt[:40]}", text, step)
            case _:
                pass  # it has no place for anything else

    def close(self) -> None:
        if self._opened is not None:
            self._opened.close()

    @property
    def _writer(self) -> SummaryWriter:
        assert self._opened is not None, "a training begins before it tells of steps"
        return self._opened

    def _write(self, group: str, step: int, values: Values) -> None:
        for name, value in values.items():
            self._writer.add_scalar(f"{group}/{name}", value, step)
