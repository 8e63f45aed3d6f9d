"""The index of questions against one that looks at all of them."""

from collections import OrderedDict

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from colonnade.inference.caches.nearest import Nearest, unit
from colonnade.inference.domain import Place

CAPACITY = 5
names = st.integers(0, 11)
groups = st.sampled_from([b"g", b"h"])
acts = st.lists(
    st.tuples(st.sampled_from(["put", "forget", "used", "purge"]), groups, names, st.integers(0, 1000)),
    max_size=40,
)


def place(name: int) -> Place:
    return Place("acme", f"sha256:{name % 2}", str(name).encode())


def vector(seed: int) -> "np.ndarray[tuple[int], np.dtype[np.float32]]":
    found = unit(np.random.default_rng(seed).normal(size=4).tolist())
    assert found is not None
    return found


@given(acts, st.integers(0, 1000))
def test_as_if_each_were_looked_at(acts: list[tuple[str, bytes, int, int]], asked: int) -> None:
    index, slow = Nearest(CAPACITY), OrderedDict[Place, tuple[bytes, int]]()
    for act, group, name, seed in acts:
        if act == "put":
            index.put(group, vector(seed), place(name))
            slow.pop(place(name), None)
            slow[place(name)] = group, seed
            while len(slow) > CAPACITY:
                slow.popitem(last=False)
        elif act == "forget":
            index.forget(place(name))
            slow.pop(place(name), None)
        elif act == "used" and place(name) in slow:
            index.used(place(name))
            slow.move_to_end(place(name))
        elif act == "purge" and seed % 5 == 0:
            index.purge("sha256:0", "")
            for each in [each for each in slow if each.digest == "sha256:0"]:
                del slow[each]
    assert len(index) == len(slow)
    for group in (b"g", b"h"):
        found = index.find(group, vector(asked))
        mine = {each: float(vector(seed) @ vector(asked)) for each, (of, seed) in slow.items() if of == group}
        assert (found is None) == (not mine)
        if found is not None:
            assert abs(mine[found[0]] - max(mine.values())) < 1e-5
            assert abs(found[1] - mine[found[0]]) < 1e-5


def test_a_group_grows() -> None:
    index = Nearest(1000)
    for name in range(100):
        index.put(b"g", vector(name), Place("acme", "d", bytes([name])))
    assert index.find(b"g", vector(42)) == (Place("acme", "d", b"\x2a"), 1.0)


def test_what_has_no_direction_is_no_vector() -> None:
    assert unit([0.0, 0.0]) is None
    assert unit([float("nan"), 1.0]) is None
    assert unit([float("inf"), 1.0]) is None
