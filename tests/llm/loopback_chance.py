"""What a request meets, drawn from a seed: how long its answer takes, and which fault stands in the way.

Example: ``Faults(rate_limit=0.1, server_error=0.05, broken=0.01)`` with ``Latency(median=0.3)``.
"""

import hashlib
import math
import random
from dataclasses import dataclass
from typing import Literal

Fault = Literal["rate_limited", "server_error", "disconnected", "stalled", "garbled", "page"]


@dataclass(frozen=True)
class Latency:
    """Seconds until an answer: lognormal, and a share of it many times longer."""

    median: float = 0.0
    sigma: float = 0.8
    tail_share: float = 0.02
    tail_factor: float = 10.0
    cap: float = 30.0

    def draw(self, rng: random.Random) -> float:
        """Seconds, 0 for a median of 0."""
        seconds = self.median * math.exp(self.sigma * rng.gauss(0, 1))
        return min(seconds * (self.tail_factor if rng.random() < self.tail_share else 1), self.cap)


@dataclass(frozen=True)
class Faults:
    """Shares, 0.0 to 1.0: of requests for the first six, of answers for ``malformed``, of rows for ``broken``."""

    rate_limit: float = 0.0  # 429 with Retry-After
    server_error: float = 0.0  # 500
    disconnect: float = 0.0  # the connection ends in the middle of the body
    stall: float = 0.0  # no answer for ``stall_seconds``, then a disconnect
    garbled: float = 0.0  # status 200 with a body that is not JSON
    page: float = 0.0  # status 200 with the HTML page of something that stands before the server
    malformed: float = 0.0  # a proper response whose text no reader can use
    broken: float = 0.0  # 400 for every request of the row, for ever
    retry_after: float = 0.0  # seconds that a 429 asks for
    stall_seconds: float = 60.0

    def draw(self, rng: random.Random) -> Fault | None:
        """The fault of one request, or None."""
        shares: dict[Fault, float] = {
            "rate_limited": self.rate_limit,
            "server_error": self.server_error,
            "disconnected": self.disconnect,
            "stalled": self.stall,
            "garbled": self.garbled,
            "page": self.page,
        }
        point = rng.random()
        for fault, share in shares.items():
            if (point := point - share) < 0:
                return fault
        return None


def rng_of(*parts: object) -> random.Random:
    """A generator that the parts name: the same in any process, and whatever was drawn before."""
    key = "\0".join(map(str, parts)).encode()
    return random.Random(int.from_bytes(hashlib.blake2b(key, digest_size=8).digest()))
