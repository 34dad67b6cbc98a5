"""The ledger of the loopback server: every request, in memory and, if wanted, a line in a file.

Example line:

    {"id": 7, "path": "/v1/messages", "model": "teacher", "messages": "0a1b2c3d4e5f6071", "row": "simile@sailing",
     "stage": "generate", "began": 12.5, "ended": 12.8, "status": 200, "outcome": "answered", "input_tokens": 9,
     "output_tokens": 12}
"""

import json
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO


@dataclass
class Entry:
    """One request. ``messages`` is a hash; the times are seconds since the epoch, the end None while it is open."""

    id: int
    path: str
    model: str
    messages: str
    row: str | None
    stage: str
    began: float
    ended: float | None = None
    status: int = 0
    outcome: str = "open"
    input_tokens: int = 0
    output_tokens: int = 0


class Ledger(list[Entry]):
    """All requests, in order of arrival; a closed one is flushed to the file at once."""

    def __init__(self, path: Path | None = None) -> None:
        super().__init__()
        self._file: IO[str] | None = path.open("a", encoding="utf-8") if path else None

    def open(self, path: str, model: str, messages: str, row: str | None, stage: str) -> Entry:
        """A new entry."""
        self.append(Entry(len(self), path, model, messages, row, stage, time.time()))
        return self[-1]

    def close(self, entry: Entry) -> None:
        """Sets the end of an entry, and writes it."""
        entry.ended = time.time()
        if self._file:
            self._file.write(json.dumps(asdict(entry)) + "\n")
            self._file.flush()

    def end(self) -> None:
        """Closes the file."""
        if self._file:
            self._file.close()

    def answered(self) -> Counter[str]:
        """How often each conversation was answered, readably or not."""
        return Counter(entry.messages for entry in self if entry.outcome in ("answered", "malformed"))

    def outcomes(self) -> Counter[str]:
        """Requests by what became of them."""
        return Counter(entry.outcome for entry in self)

    def in_flight(self, moment: float, before: float = 0.0) -> list[Entry]:
        """The requests that were open at a moment, or ended within ``before`` seconds of it."""
        return [e for e in self if e.began <= moment and (e.ended is None or e.ended >= moment - before)]


def read_ledger(path: Path) -> Ledger:
    """The closed entries of a file, less a last line that a kill cut short."""
    ledger = Ledger()
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    ledger.extend(Entry(**json.loads(line)) for line in lines if line.endswith("}"))
    return ledger


def most_in_flight(entries: Iterable[Entry]) -> int:
    """The most requests that were open at one time."""
    entries = list(entries)
    starts = [(entry.began, 1) for entry in entries]
    ends = [(entry.ended, -1) for entry in entries if entry.ended is not None]
    most = now = 0
    for _, change in sorted(starts + ends):
        now += change
        most = max(most, now)
    return most
