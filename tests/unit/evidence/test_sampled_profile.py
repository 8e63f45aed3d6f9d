import sys
import threading

from colonnade.models.convert.progress import Progress
from evidence.performance.sampled_profile import Profile, place_of


def test_the_place_is_the_innermost_function_of_ours() -> None:
    """Even where that has called something else."""
    places: list[str] = []
    Progress(lambda _: places.append(place_of(sys._getframe()))).report("read", 1, 2)
    assert places == ["models/convert/progress.py report"]


def test_what_is_not_ours_is_elsewhere() -> None:
    assert place_of(sys._getframe()) == "elsewhere"


def test_shares_add_up_to_one() -> None:
    """Whatever the thread does, every look at it counts once."""
    over = threading.Event()
    thread = threading.Thread(target=over.wait, name="looked at", daemon=True)
    thread.start()
    profile = Profile("looked at")
    with profile:
        while not profile.shares():
            pass
    over.set()
    thread.join()
    assert profile.shares() == {"elsewhere": 1.0}
