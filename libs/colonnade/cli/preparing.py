"""Shows that a version is loaded, and when it is."""

from typing import TYPE_CHECKING

from colonnade.cli.terminal import Step, human_bytes, human_seconds, progress, remark

if TYPE_CHECKING:
    from colonnade.client import Prepared, Stream


def follow(stream: "Stream[Prepared, list[Prepared]]") -> None:
    """Runs to the end; leaving early (Ctrl-C) stops it."""
    with progress(1) as draw, stream:
        for now in stream:
            told = f"loading, {human_seconds(now.seconds)}"
            draw(Step(f"{now.name}:{now.version}", 0, 0, told, last=now.state == "ready"))
    for version in stream.result:
        memory = human_bytes(version.memory_bytes)
        remark(
            f"{version.name}:{version.version} is ready ({memory}), after {human_seconds(version.seconds)}."
        )
