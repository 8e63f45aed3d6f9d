"""Conversations, through a pipe and through a terminal."""

import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.cli.stub import Answer, Seen, Stub, error, words

Run = Callable[..., Any]


def test_turns_build_on_each_other(stub: Stub, colonnade: Run) -> None:
    done = colonnade(
        "chat", "--system", "Be brief.", stdin="Capital of France?\n\nAnd of Spain?\n/exit\nnever\n"
    )
    assert done.status == 0, done
    assert done.out == "Paris of course\nParis of course\n"
    assert len(stub.seen) == 2
    assert stub.last.body["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Capital of France?"},
        {"role": "assistant", "content": "Paris of course"},
        {"role": "user", "content": "And of Spain?"},
    ]


def test_commands_between_turns(stub: Stub, colonnade: Run) -> None:
    lines = "/help\nHi\n/reset\n/preset creative\n/model other\n/system Sing.\nHo\n/preset\n/model\nHa\n"
    done = colonnade("chat", "--temperature", "0.5", stdin=lines)
    assert done.status == 0, done
    first, second, third = (seen.body for seen in stub.seen)
    assert first["temperature"] == 0.5
    assert second["messages"] == [{"role": "system", "content": "Sing."}, {"role": "user", "content": "Ho"}]
    assert second["preset"] == "creative"
    assert second["model"] == "other"
    assert "temperature" not in second
    assert "preset" not in third
    assert "model" not in third
    assert "/reset" in done.err


def test_an_error_ends_a_piped_conversation(stub: Stub, colonnade: Run) -> None:
    stub.routes["POST", "/generate"] = error(404, "not_found", "there is no model; import one")
    done = colonnade("chat", stdin="Hi\nHo\n")
    assert done.status == 1
    assert "import one" in done.err
    assert len(stub.seen) == 1


def test_an_unknown_command_ends_a_piped_conversation(stub: Stub, colonnade: Run) -> None:
    assert colonnade("chat", stdin="/sing\nHi\n").status == 1
    assert not stub.seen


class Terminal:
    """``colonnade chat`` on a pseudo terminal."""

    def __init__(self, url: str) -> None:
        self._master, worker = pty.openpty()
        environment = {
            "PATH": os.environ["PATH"],
            "COLONNADE_URL": url,
            "TERM": "dumb",
            "HOME": "/nonexistent",
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", "colonnade.cli.main", "chat"],
            stdin=worker,
            stdout=worker,
            stderr=worker,
            env=environment,
            start_new_session=True,
        )
        os.close(worker)
        self.shown = ""

    def type(self, text: str) -> None:
        os.write(self._master, text.encode())

    def wait_for(self, text: str, seconds: float = 30.0) -> None:
        """Reads until ``text`` was shown, and forgets everything up to it."""
        deadline = time.monotonic() + seconds
        while text not in self.shown:
            left = deadline - time.monotonic()
            assert left > 0, f"{text!r} not within {seconds} s: {self.shown!r}"
            if select.select([self._master], [], [], left)[0]:
                self.shown += os.read(self._master, 4096).decode()
        self.shown = self.shown.partition(text)[2]

    def interrupt(self) -> None:
        self.process.send_signal(signal.SIGINT)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._master)


@pytest.fixture
def terminal(stub: Stub) -> Any:
    made = Terminal(stub.url)
    yield made
    made.close()


def test_a_terminal_survives_errors_and_leaves_on_ctrl_d(stub: Stub, terminal: Terminal) -> None:
    answers = [error(503, "unavailable", "starting"), Answer(events=words("Paris of course"))]
    stub.routes["POST", "/generate"] = lambda _seen: answers.pop(0)
    terminal.wait_for("> ")
    terminal.type("Hi\n")
    terminal.wait_for("Error: starting")
    terminal.wait_for("> ")
    terminal.type("Hi\n")
    terminal.wait_for("Paris of course")
    terminal.wait_for("> ")
    terminal.type("\x04")
    assert terminal.process.wait(30) == 0


def test_ctrl_c_cancels_an_answer_and_not_the_conversation(stub: Stub, terminal: Terminal) -> None:
    def endless(_seen: Seen) -> Answer:
        stub.routes["POST", "/generate"] = Answer(events=words("a short one"))
        return Answer(events=_Endless())  # type: ignore[arg-type]

    stub.routes["POST", "/generate"] = endless
    terminal.wait_for("> ")
    terminal.type("Hi\n")
    terminal.wait_for("word word")
    terminal.interrupt()
    terminal.wait_for("> ")
    terminal.type("Ho\n")
    terminal.wait_for("a short one")
    assert stub.last.body["messages"][-1]["content"] == "Ho"
    terminal.type("/exit\n")
    assert terminal.process.wait(30) == 0


class _Endless:
    """Words until nobody listens any more."""

    def __iter__(self) -> Any:
        while True:
            yield {"id": "g1", "text": "word "}
            time.sleep(0.001)
