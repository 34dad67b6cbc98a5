"""Finished rows wait on disk, not in memory: what a run of a million rows costs is 8 bytes a row, not its texts."""

import pickle
import tempfile
from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, overload

from datasets_builder.skillmix.errors import OutsideError

Row = dict[str, Any]
MEMORY = 64 * 2**20  # bytes that a spool holds before it goes to disk: smaller runs never touch it
ABSENT = -1


class Spool(Sequence[Row]):
    """Rows by their place in the input, in whatever order they come; read like a list.

    The file has no name, is gone with the spool, and nobody else writes it: so pickle is safe, and quick.
    """

    def __init__(self, size: int, folder: Path | None = None) -> None:
        """Room for ``size`` rows; ``folder`` takes the file, the system's folder for such files where it is None."""
        self._file = tempfile.SpooledTemporaryFile(max_size=MEMORY, dir=str(folder) if folder else None)  # noqa: SIM115 (lives with the spool)
        self._offsets = array("q", [ABSENT]) * size

    def put(self, place: int, row: Row) -> None:
        """Keeps a row; one whose place is taken, or is no place, is dropped: the caller counts what came.

        Raises:
            OutsideError: The disk is full.
        """
        if not 0 <= place < len(self._offsets) or self._offsets[place] != ABSENT:
            return
        try:
            self._offsets[place] = self._file.seek(0, 2)
            pickle.dump(row, self._file, protocol=pickle.HIGHEST_PROTOCOL)
        except OSError as error:
            raise OutsideError(f"no room for the rows that are finished: {error}") from error

    @property
    def missing(self) -> int:
        """How many rows have not come."""
        return self._offsets.count(ABSENT)

    def __len__(self) -> int:
        return len(self._offsets)

    @overload
    def __getitem__(self, place: int) -> Row: ...
    @overload
    def __getitem__(self, place: slice) -> list[Row]: ...
    def __getitem__(self, place: int | slice) -> Row | list[Row]:
        if isinstance(place, slice):
            return [self[i] for i in range(*place.indices(len(self)))]
        if (offset := self._offsets[place]) == ABSENT:
            raise LookupError(f"row {place} has not come")
        self._file.seek(offset)
        row: Row = pickle.load(self._file)
        return row

    def __iter__(self) -> Iterator[Row]:
        return (self[place] for place in range(len(self)))
