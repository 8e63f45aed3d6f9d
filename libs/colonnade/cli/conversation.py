"""A chat in a terminal: the turns so far, the commands between them, answers as they are made."""

import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, cast

from colonnade.cli.failures import show
from colonnade.cli.terminal import remark, write
from colonnade.errors import ColonnadeError

if TYPE_CHECKING:
    from colonnade.client import Colonnade
    from colonnade.client.calls import GenerateOptions

_HELP = """\
/help            this list
/reset           forget the conversation
/system TEXT     new instructions; forgets the conversation
/preset NAME     creative, balanced, precise or deterministic; nothing: the platform's default
/model NAME      another model; nothing: the default model
/exit            leave"""


class Conversation:
    """``interactive`` shows a prompt and survives errors; piped input ends at the first error."""

    def __init__(
        self, client: "Colonnade", options: "GenerateOptions", *, system: str | None, interactive: bool
    ) -> None:
        self._client = client
        self._options = options
        self._system = system
        self._interactive = interactive
        self._turns: list[dict[str, str]] = []
        self._commands: Mapping[str, Callable[[str], None]] = {
            "/help": lambda _: remark(_HELP),
            "/reset": self._reset,
            "/system": self._set_system,
            "/preset": self._set_preset,
            "/model": self._set_model,
        }

    def run(self) -> bool:
        """Until /exit or the end of input; false where an error ended it."""
        while (line := self._read()) is not None:
            if line in ("/exit", "/quit"):
                return True
            if not self._take(line) and not self._interactive:
                return False
        return True

    def _read(self) -> str | None:
        try:
            return input("\n> " if self._interactive else "").strip()
        except EOFError:
            if self._interactive:
                write("\n")
            return None
        except KeyboardInterrupt:
            if not self._interactive:
                raise
            write("\n")
            return ""
        except UnicodeDecodeError:
            remark("that was not UTF-8 text")
            return "" if self._interactive else None

    def _take(self, line: str) -> bool:
        if not line:
            return True
        if not line.startswith("/"):
            return self._answer(line)
        name, _, argument = line.partition(" ")
        command = self._commands.get(name)
        if command is None:
            remark(f"there is no {name}; /help lists what there is")
            return False
        command(argument.strip())
        return True

    def _answer(self, text: str) -> bool:
        """One turn. Only what was answered stays in the conversation: a refused turn can be tried again."""
        messages = [*self._opening(), *self._turns, {"role": "user", "content": text}]
        wanted: GenerateOptions = {**self._options, "messages": messages}
        said: list[str] = []
        try:
            with self._client.stream(**wanted) as stream:
                for chunk in stream:
                    said.append(chunk.text)
                    write(chunk.text)
        except KeyboardInterrupt:
            if not self._interactive:
                raise
            write(" ...")
        except ColonnadeError as error:
            sys.stdout.flush()
            show(error)
            return False
        write("\n")
        if said:
            self._turns += [messages[-1], {"role": "assistant", "content": "".join(said)}]
        return True

    def _opening(self) -> list[dict[str, str]]:
        return [{"role": "system", "content": self._system}] if self._system else []

    def _reset(self, _argument: str = "") -> None:
        self._turns.clear()
        remark("(forgotten)")

    def _set_system(self, text: str) -> None:
        self._system = text or None
        self._reset()

    def _set_preset(self, name: str) -> None:
        # What was set one by one would win over the preset.
        one_by_one = ("temperature", "top_k", "top_p", "min_p", "repetition_penalty")
        kept = {field: value for field, value in self._options.items() if field not in one_by_one}
        self._options = cast("GenerateOptions", kept)
        self._options["preset"] = name or None
        remark(f"(preset: {name or 'default'})")

    def _set_model(self, name: str) -> None:
        self._options["model"], self._options["model_size"] = name or None, None
        remark(f"(model: {name or 'default'})")
