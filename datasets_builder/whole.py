"""A folder that is there whole, or not at all."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from datasets_builder.skillmix.errors import OutsideError


@contextmanager
def whole(out: Path, what: str) -> Iterator[Path]:
    """A folder beside ``out`` that takes its place at the end; gone when anything fails.

    Args:
        out: Not there, or an empty folder.
        what: Names the folder in an error, such as "the dataset".

    Raises:
        OutsideError: The folder cannot be written.
    """
    out = out.resolve()
    folder = out.with_name(f".{out.name}.unfinished")
    shutil.rmtree(folder, ignore_errors=True)  # of a run that was killed
    try:
        folder.mkdir(parents=True)
        yield folder
        folder.rename(out)
    except OSError as error:
        raise OutsideError(f"{out}: {what} cannot be written: {error.strerror or error}") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)
