"""What was paid, written down answer by answer, so that it outlives the process that paid.

Example line:

    {"model": "openai/gpt-4.1", "stage": "grade", "input_tokens": 1200, "output_tokens": 80, "cached_input_tokens": 0}

A line is appended after each answer and handed to the system at once: a kill costs none, a loss of power at most the
last ones. A line that was cut short at the end of the file is dropped. Opening a ledger sums it up, a line for each
model and stage.
"""

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from datasets_builder.skillmix.errors import OutsideError, UsageError

Stage = tuple[str, str]  # a model, and the Task that asked it


class Usage(NamedTuple):
    """Tokens of one answer. ``input_tokens`` are all of the prompt, those of the provider's prompt cache among them."""

    input_tokens: int
    output_tokens: int
    cached_input_tokens: int = 0

    def plus(self, other: "Usage") -> "Usage":
        """The tokens of both."""
        return Usage(*(a + b for a, b in zip(self, other, strict=True)))


class Ledger:
    """The tokens paid for by model and stage, in memory and, where it has a file, there as well."""

    def __init__(self, path: Path | None = None) -> None:
        """Goes on from the file, if there is one.

        Raises:
            UsageError: The file cannot be read.
            OutsideError: It cannot be written.
        """
        self._path, self._paid = path, _read(path) if path else {}
        if path:
            try:
                _replace(path, self._paid)
                self._file = path.open("ab")
            except OSError as error:
                raise _unwritable(path, error) from None

    @property
    def paid(self) -> Mapping[Stage, Usage]:
        """The sums."""
        return self._paid

    def add(self, model: str, stage: str, usage: Usage) -> None:
        """Counts one answer.

        Raises:
            OutsideError: The file cannot be written: where it has no room, the answers have none either. What could
                not be written goes out with the next line, if there is room again.
        """
        self._paid[model, stage] = self._paid.get((model, stage), Usage(0, 0)).plus(usage)
        if self._path:
            try:
                self._file.write(_line(model, stage, usage))
                self._file.flush()
            except OSError as error:
                raise _unwritable(self._path, error) from None

    def close(self) -> None:
        """Lets go of the file."""
        if self._path:
            with suppress(OSError):  # told already, by the line that could not be written
                self._file.close()


def _line(model: str, stage: str, usage: Usage) -> bytes:
    return json.dumps({"model": model, "stage": stage, **usage._asdict()}).encode() + b"\n"


def _read(path: Path) -> dict[Stage, Usage]:
    """The sums of a file; its last line counts only when it is whole."""
    paid: dict[Stage, Usage] = {}
    try:
        for line in path.read_bytes().split(b"\n")[:-1] if path.exists() else ():
            row = json.loads(line)
            key = (str(row.pop("model")), str(row.pop("stage")))
            usage = Usage(**{name: int(count) for name, count in row.items()})
            paid[key] = paid.get(key, Usage(0, 0)).plus(usage)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        raise UsageError(f"{path}: cannot be read; delete it to count what is spent from zero") from None
    return paid


def _replace(path: Path, paid: Mapping[Stage, Usage]) -> None:
    working = path.with_suffix(".tmp")
    working.write_bytes(b"".join(_line(*key, usage) for key, usage in paid.items()))
    os.replace(working, path)


def _unwritable(path: Path, error: OSError) -> OutsideError:
    return OutsideError(f"{path}: what is spent cannot be written down: {error}")
