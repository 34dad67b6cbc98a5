"""``manifest.json``: what a dataset folder holds and what it was made of; a folder without it is unfinished."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from datasets_builder.skillmix.config import Strict
from datasets_builder.skillmix.errors import UsageError


class Counts(Strict):
    """Rows of one k."""

    generated: int
    train: int
    validation: int
    rejected: int

    @property
    def kept(self) -> int:
        """Rows that the dataset holds."""
        return self.train + self.validation


class SkillCounts(Strict):
    """Rows that asked for one skill: what became of them."""

    generated: int
    kept: int
    missed: int  # of those that were graded: did not show this very skill
    rejects: dict[str, int]  # by reason, whichever skill or criterion it was for


class TopicCounts(Strict):
    """Rows on one topic."""

    generated: int
    kept: int


class FileSize(Strict):
    """One Parquet file."""

    rows: int
    bytes: int
    loaded: int  # bytes in memory, as Arrow


class StageCost(Strict):
    """What one model was paid for at one stage; prompt tokens that came from the provider's cache are input, too."""

    model: str
    stage: str
    input_tokens: int
    output_tokens: int
    cached_input_tokens: int
    usd: float | None  # None: its price is unknown


class Manifest(Strict):
    """All figures of a finished dataset, every one that its card shows; no time and no path of a machine is in it."""

    name: str
    fingerprint: str
    identity: dict[str, Any]
    seed: int
    teacher: str
    grader: str
    prompt_version: str
    counts: dict[str, Counts]
    rejects: dict[str, int]
    skills: dict[str, SkillCounts] = Field(default_factory=dict)
    topics: dict[str, TopicCounts] = Field(default_factory=dict)
    words: dict[str, dict[int, int]] = Field(default_factory=dict)  # by k: number of words -> kept texts
    characters: dict[str, int] = Field(default_factory=dict)  # by k: of the kept rows' messages
    licences: dict[str, int]  # of all rows, by SPDX name
    contributors: dict[str, int] = Field(default_factory=dict)  # of the kept rows
    prompts: dict[str, str] = Field(default_factory=dict)  # template -> SHA-256
    costs: tuple[StageCost, ...] | None = None  # none where programs wrote and graded; None: nobody counted
    samples: tuple[dict[str, Any], ...] = ()  # the first kept row of each k, in the order drawn
    validation: float  # share of combinations set aside: the recipe's, or 0.0 where the texts are too few for it
    configs: dict[str, tuple[str, ...]]  # of the k of which texts were kept
    default: str
    files: dict[str, str]  # path -> SHA-256
    sizes: dict[str, FileSize] = Field(default_factory=dict)
    dataset_hash: str
    versions: dict[str, str]


# the manifest and a few rows -> the README's body, and the files that it shows, by their path in the folder
Card = Callable[[Manifest, Sequence[Mapping[str, Any]]], str | tuple[str, Mapping[str, bytes]]]


def read_manifest(folder: Path) -> Manifest | None:
    """The manifest of a finished dataset, or None.

    Raises:
        UsageError: There is a manifest.json, but not one of ours.
    """
    path = folder / "manifest.json"
    if not path.is_file():
        return None
    try:
        return Manifest.model_validate_json(path.read_bytes())
    except ValidationError as error:
        fault = error.errors()[0]["msg"]
        raise UsageError(f"{path}: is no manifest of a dataset ({fault}); build into another folder") from None


def fingerprint_of(identity: Mapping[str, Any]) -> str:
    """First 16 hex digits of the SHA-256 over what the rows depend on."""
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:16]
