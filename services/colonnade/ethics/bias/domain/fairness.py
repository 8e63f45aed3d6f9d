"""How differently groups fare, with intervals (definitions: Hardt et al. 2016; Feldman et al. 2015)."""

from collections.abc import Callable, Sequence

import numpy as np

from colonnade.errors import InvalidArgument

_RESAMPLES = 500
_SEED = 20
_Interval = tuple[float, float, float]


class FairnessAnalyzer:
    """Of decisions about members of groups. Each measure is (value, low, high): a 95 % interval by the
    percentile bootstrap, within groups, drawn the same each time."""

    def __init__(
        self, groups: Sequence[str], favourable: Sequence[bool], deserved: Sequence[bool] | None = None
    ) -> None:
        """``deserved`` is what would have been right. All have one length. ``InvalidArgument`` for others."""
        truth = favourable if deserved is None else deserved
        if not groups or not len(groups) == len(favourable) == len(truth):
            raise InvalidArgument(
                "groups, favourable and deserved need one entry for each decision, at least one",
                field="groups",
            )
        self._known = deserved is not None
        names = np.asarray(groups)
        pairs = np.stack([np.asarray(favourable, bool), np.asarray(truth, bool)])
        self._groups = [pairs[:, names == name] for name in dict.fromkeys(groups)]

    def demographic_parity_difference(self) -> _Interval:
        """The greatest share of favourable decisions of a group less the least; 0 is fair."""
        return self._resampled(lambda groups: _spread([group[0] for group in groups]))

    def disparate_impact_ratio(self) -> _Interval:
        """The least share over the greatest; 1 is fair, below 0.8 counts as disparate in US guidance."""
        return self._resampled(_ratio)

    def equalised_odds_difference(self) -> _Interval:
        """The greater of the differences between groups' true and false positive rates; 0 is fair. Raises
        ``InvalidArgument`` without ``deserved``."""
        if not self._known:
            raise InvalidArgument("equalised odds need to know what was deserved", field="deserved")
        return self._resampled(_odds)

    def _resampled(self, measure: Callable[[list[np.ndarray]], float]) -> _Interval:
        random = np.random.default_rng(_SEED)
        drawn = [
            measure(
                [group[:, random.integers(group.shape[1], size=group.shape[1])] for group in self._groups]
            )
            for _ in range(_RESAMPLES)
        ]
        low, high = np.nanpercentile(drawn, (2.5, 97.5))
        return measure(self._groups), float(low), float(high)


def _spread(groups: Sequence[np.ndarray]) -> float:
    """Of the groups' means; groups without members do not count."""
    rates = [group.mean() for group in groups if group.size]
    return float(max(rates) - min(rates)) if rates else 0.0


def _ratio(groups: Sequence[np.ndarray]) -> float:
    rates = [group[0].mean() for group in groups]
    return float(min(rates) / max(rates)) if max(rates) > 0 else 1.0


def _odds(groups: Sequence[np.ndarray]) -> float:
    return max(_spread([decided[truth == side] for decided, truth in groups]) for side in (True, False))
