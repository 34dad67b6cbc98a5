"""The run folder: which stages are done, and whether they were done from the same recipes.

runs/miniature/stages/<stage>.json   written last: inputs, seconds; a stage without it is done anew
runs/paper/stages/<stage>.handed-over   its work was given to another system, which has not done it yet
runs/miniature/logs/<stage>.log      all that the stage's command printed
"""

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from datasets_builder.skillmix.errors import ResumeError, UsageError
from study.plan import Stage


class RunFolder:
    """A study's folder with its markers."""

    def __init__(self, path: Path) -> None:
        self.path = path
        for name in ("stages", "logs"):
            (path / name).mkdir(parents=True, exist_ok=True)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Holds the folder for one study; the lock ends with the process, however it ends.

        Raises:
            UsageError: Another study holds it.
        """
        with (self.path / ".lock").open("w") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise UsageError(
                    f"{self.path}: another study runs in this folder; wait for it or choose another --run-dir"
                ) from None
            yield

    def marker(self, stage: Stage) -> Path:
        """The file whose presence says that the stage is done."""
        return self.path / "stages" / f"{stage.slug}.json"

    def handed_over(self, stage: Stage) -> Path:
        """The file whose presence says that the stage's work was given to another system; delete it to give it anew."""
        return self.marker(stage).with_suffix(".handed-over")

    def log(self, stage: Stage) -> Path:
        """Where the stage's command prints to."""
        return self.path / "logs" / f"{stage.slug}.log"

    def seconds(self, stage: Stage) -> float | None:
        """How long a done stage took; None when it is not done."""
        marker = self.marker(stage)
        return (
            json.loads(marker.read_text())["seconds"]
            if marker.is_file() and (self.path / stage.output).exists()
            else None
        )

    def mark(self, stage: Stage, seconds: float) -> None:
        """Marks a stage as done."""
        self._write(stage, self.marker(stage), seconds)
        self.handed_over(stage).unlink(missing_ok=True)

    def mark_handed_over(self, stage: Stage, seconds: float) -> None:
        """Marks a stage as given to another system."""
        self._write(stage, self.handed_over(stage), seconds)

    def _write(self, stage: Stage, path: Path, seconds: float) -> None:
        """By a rename, so that a marker is whole or absent."""
        working = path.with_suffix(".tmp")
        working.write_text(
            json.dumps({"stage": stage.name, "inputs": stage.inputs, "seconds": round(seconds, 2)}, indent=1)
        )
        os.replace(working, path)

    def check(self, stage: Stage) -> None:
        """Refuses a stage that was done, or handed over, with another recipe or seed.

        Raises:
            ResumeError: Names the stage and the first keys that changed, old -> new.
        """
        marker = self.handed_over(stage) if self.seconds(stage) is None else self.marker(stage)
        if not marker.is_file():
            return
        done = json.loads(marker.read_text())["inputs"]
        if changes := differences(done, json.loads(json.dumps(stage.inputs))):
            raise ResumeError(
                f"{self.path}: stage {stage.name!r} was done with other inputs: {'; '.join(changes[:3])}; "
                "set it back, or choose another --run-dir"
            )


def differences(old: Any, new: Any, key: str = "") -> list[str]:
    """``key: old -> new`` for every leaf that differs between two JSON values."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        names = [*old, *(name for name in new if name not in old)]
        parts = [differences(old.get(n), new.get(n), f"{key}.{n}".lstrip(".")) for n in names]
        return [line for part in parts for line in part]
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        return [line for i, pair in enumerate(zip(old, new, strict=True)) for line in differences(*pair, f"{key}[{i}]")]
    return [] if old == new else [f"{key}: {old!r:.60} -> {new!r:.60}"]
