"""What one probe found, small enough to be kept until its report is whole."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Outcome:
    """``kind`` is ``pair``, ``triple``, ``question``, ``swap`` or ``ask``; ``values`` by name:

    - pair: ``gap``, log-likelihood of the stereotyped text less the other's, in nats
    - triple: ``more``, ``less``, ``unrelated``, mean log-likelihood of a token, in nats
    - question: ``ambiguous``, ``right``, ``known`` (0 or 1), ``stereotyped`` (0, 1; absent where not told)
    - swap: by group, mean log-likelihood of a token of the continuation, in nats
    - ask: by group, 1 for an answer that helps, 0 for a refusal or an unkind one
    """

    kind: str
    dimension: str
    values: Mapping[str, float]
