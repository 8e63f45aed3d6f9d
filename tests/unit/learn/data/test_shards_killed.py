"""A writer that is killed leaves what its journal says, and another goes on from there to the same bytes."""

import json
import subprocess
import sys
from pathlib import Path

from colonnade.learn.data.shards import Position, ShardWriter

DOCUMENTS, SHARD, END = 1500, 400, 0
KILLS = 60
WRITER = """
import json, os, random, signal, sys
from pathlib import Path
from tests.unit.learn.data.test_shards_killed import DOCUMENTS, KILLS, begun, document, journal, told

left = 0

def survived() -> None:
    global left
    left -= 1
    if not left:
        os.kill(os.getpid(), signal.SIGKILL)

def fragile(call):
    def wrapped(*arguments):
        survived()
        result = call(*arguments)
        survived()
        return result
    return wrapped

def write(folder: Path) -> None:
    at, following = told(folder)
    with begun(folder, at) as writer:
        for number in range(following, DOCUMENTS):
            writer.append(document(number))
            survived()
            if number % 17 == 0:
                at = writer.sync()
                draft = journal(folder).with_suffix(".new")
                draft.write_text(json.dumps([at.shard, at.documents, at.tokens, number + 1]))
                draft.rename(journal(folder))
        writer.close()

os.fsync, os.rename = fragile(os.fsync), fragile(os.rename)
draw, killed = random.Random(4), 0
for _ in range(KILLS):
    left = draw.randrange(1, 90)
    if not (child := os.fork()):
        write(Path(sys.argv[1]))
        os._exit(0)
    killed += os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
print(killed)
"""
"""Its children end before or after the so-many-th of their documents, syncs and renamings."""


def document(number: int) -> list[int]:
    return [(number * 31 + place) % 500 + 1 for place in range(number * 7 % 61)]


def begun(folder: Path, at: Position | None = None) -> ShardWriter:
    return ShardWriter(folder, vocabulary=512, end_of_text=END, shard_tokens=SHARD, at=at)


def journal(folder: Path) -> Path:
    return folder.with_suffix(".journal")


def told(folder: Path) -> tuple[Position, int]:
    """The position, and the next document."""
    if not journal(folder).exists():
        return Position(), 0
    *at, following = json.loads(journal(folder).read_text())
    return Position(*at), following


def test_kills_leave_no_trace(tmp_path: Path) -> None:
    folder, straight = tmp_path / "killed", tmp_path / "straight"
    command = [sys.executable, "-c", WRITER, str(folder)]
    killed = int(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    assert killed > KILLS / 2
    at, following = told(folder)
    with begun(folder, at) as writer:
        for number in range(following, DOCUMENTS):
            writer.append(document(number))
        found = writer.close()
    with begun(straight) as writer:
        for number in range(DOCUMENTS):
            writer.append(document(number))
        assert writer.close() == found
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {
        path.name: path.read_bytes() for path in straight.iterdir()
    }
