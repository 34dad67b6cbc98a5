"""Rows -> a dataset folder laid out as a Hub repository; ``load_dataset(folder, "k2")`` reads it before any push.

README.md                                    configs k1, k2, .. and mixtures k12, k123 over the same files
data/k2/train-00000-of-00001.parquet         data/k2/validation-00000-of-00001.parquet; 250,000 rows a file
rejects/rejected.parquet                     the same columns, reason and detail
transcripts/transcripts-00000-of-00001.parquet    every reply of the models, of kept and rejected rows: a config as well
manifest.json                                written last: what was asked for, counts, SHA-256 of each Parquet file
"""

import hashlib
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, MutableSequence, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from datasets_builder.manifest import Card, FileSize, Manifest, StageCost, fingerprint_of, read_manifest
from datasets_builder.readme import TRANSCRIPTS, header_of, write_readme
from datasets_builder.records import (
    FEATURES,
    REJECT_FEATURES,
    TRANSCRIPT_FEATURES,
    Origin,
    Row,
    Side,
    side,
    to_record,
    to_transcript,
)
from datasets_builder.shards import write_parquet, write_shards
from datasets_builder.skillmix.catalogue import Catalogue
from datasets_builder.skillmix.errors import DskillError
from datasets_builder.tally import Tally
from datasets_builder.whole import whole

__all__ = [
    "FEATURES",
    "REJECT_FEATURES",
    "TRANSCRIPTS",
    "TRANSCRIPT_FEATURES",
    "Card",
    "Manifest",
    "Origin",
    "account",
    "header_of",
    "read_manifest",
    "side",
    "write_dataset",
]

LIBRARIES = ("distilabel", "datasets", "huggingface-hub", "pyarrow", "numpy", "pydantic", "jinja2")


class Sorted(NamedTuple):
    """Where each record of a dataset goes, by its place among the rows; the figures; one record of each k."""

    parts: Mapping[tuple[int, Side], MutableSequence[int]]
    rejected: MutableSequence[int]
    tally: Tally
    samples: Mapping[int, Row]


def account(requested: Sequence[Row], rows: Sequence[Row]) -> Sequence[Row]:
    """The rows, when they are those that were requested; read once, one by one.

    Raises:
        DskillError: generated = kept + rejected does not hold, or a row without a reason has no marks either.
    """
    open_ids, kept, unmarked = Counter(row["id"] for row in requested), 0, []
    for row in rows:
        open_ids[row["id"]] -= 1
        kept += not row["reason"]
        if not row["reason"] and not (row.get("marks") and row.get("text")):
            unmarked.append(row["id"])
    if any(open_ids.values()):
        raise DskillError(
            f"generated {len(requested)} rows, but {kept} kept + {len(rows) - kept} rejected "
            "are not the same rows; nothing is written"
        )
    if unmarked:
        raise DskillError(
            f"{len(unmarked)} rows have neither marks nor a reason, {unmarked[0]} first; nothing is written"
        )
    return rows


def name_configs(ks: Sequence[int]) -> dict[str, tuple[str, ...]]:
    """Config names and the folders under data/ that they read: each k, then the cumulative mixtures, largest last.

    Example: (1, 2, 3) gives k1, k2, k3, k12 and k123.
    """
    singles = tuple(f"k{k}" for k in sorted(ks))
    mixtures = {"k" + "".join(name[1:] for name in singles[:n]): singles[:n] for n in range(2, len(singles) + 1)}
    return {name: (name,) for name in singles} | mixtures


def write_dataset(
    out: Path,
    rows: Sequence[Row],
    origin: Origin,
    catalogue: Catalogue,
    identity: Mapping[str, Any],
    card: Card,
    costs: Sequence[StageCost] | None = None,
) -> Manifest:
    """Writes the folder beside ``out`` and renames it into place when whole; the rows are read one by one.

    Args:
        out: The dataset's folder; absent, or empty.
        rows: All rows of the run, accounted for.
        origin: What they share.
        catalogue: Where their skills come from.
        identity: What the rows depend on, as flat keys; a later build compares it.
        card: Gives the README's body, after the YAML header, and the files that it shows, from the manifest and one
            row of each k.
        costs: What the models were paid for; None where nobody counted.

    Raises:
        DskillError: Not one text of some k was kept, and this is no trial.
    """
    found = _sort_out(rows, origin, catalogue)
    counts = found.tally.counts()
    if not origin.trial and (barren := next((name for name, counted in counts.items() if not counted.kept), None)):
        reasons = {reason: number for (k, reason), number in found.tally.rejects.items() if f"k{k}" == barren}
        raise DskillError(f"no text of {barren} was kept, rejected: {reasons}; nothing is written")
    uneven = any(counted.kept and not (counted.train and counted.validation) for counted in counts.values())
    if origin.validation and uneven:  # too few texts to set some aside: every k has both splits, or none has
        origin = origin._replace(validation=0.0)
        found = _sort_out(rows, origin, catalogue)

    def records(places: MutableSequence[int]) -> Iterator[Row]:
        return (to_record(rows[place], origin, catalogue) for place in places)

    with whole(out, "the dataset") as folder:
        sizes: dict[Path, FileSize] = {}
        for (k, part), places in found.parts.items():  # a config names only what is there: no empty split is written
            sizes |= write_shards(folder / "data" / f"k{k}", part, records(places), len(places), FEATURES)
        rejects = folder / "rejects" / "rejected.parquet"
        sizes[rejects] = write_parquet(rejects, records(found.rejected), REJECT_FEATURES)
        told = map(to_transcript, rows)
        sizes |= write_shards(folder / TRANSCRIPTS, TRANSCRIPTS, told, len(rows), TRANSCRIPT_FEATURES)
        manifest = _describe(folder, sizes, found, origin, identity, costs)
        write_readme(folder, manifest, card(manifest, manifest.samples))
        (folder / "manifest.json").write_text(manifest.model_dump_json(indent=2) + "\n", encoding="utf-8")
    return manifest


def _sort_out(rows: Sequence[Row], origin: Origin, catalogue: Catalogue) -> Sorted:
    parts: defaultdict[tuple[int, Side], MutableSequence[int]] = defaultdict(lambda: array("q"))
    rejected, tally = array("q"), Tally()
    samples: dict[int, Row] = {}
    for place, row in enumerate(rows):
        record = to_record(row, origin, catalogue)
        tally.add(record)
        if record["reason"]:
            rejected.append(place)
        else:
            parts[record["k"], record["split"]].append(place)
            samples.setdefault(record["k"], record)
    return Sorted(parts, rejected, tally, samples)


def _describe(
    folder: Path,
    sizes: Mapping[Path, FileSize],
    found: Sorted,
    origin: Origin,
    identity: Mapping[str, Any],
    costs: Sequence[StageCost] | None,
) -> Manifest:
    tally, counts = found.tally, found.tally.counts()
    names = {path.relative_to(folder).as_posix(): path for path in sorted(sizes)}
    files = {name: _digest(path) for name, path in names.items()}
    configs = name_configs([int(name[1:]) for name, counted in counts.items() if counted.kept])
    return Manifest(
        name=origin.recipe,
        fingerprint=fingerprint_of(identity),
        identity=dict(identity),
        seed=origin.seed,
        teacher=origin.teacher,
        grader=origin.grader,
        prompt_version=origin.prompt_version,
        counts=counts,
        rejects=tally.reasons(),
        skills=tally.skills(),
        topics=tally.topics(),
        words=tally.words(),
        characters=tally.characters(),
        licences=dict(sorted(tally.licences.items())),
        contributors=dict(sorted(tally.contributors.items())),
        prompts=dict(origin.prompts),
        costs=None if costs is None else tuple(costs),
        samples=tuple(dict(found.samples[k]) for k in sorted(found.samples)),
        validation=origin.validation,
        configs=configs,
        default=[TRANSCRIPTS, *configs][-1],
        files=files,
        sizes={name: sizes[path] for name, path in names.items()},
        dataset_hash=hashlib.sha256("\n".join(sorted(files.values())).encode()).hexdigest(),
        versions={name: version(name) for name in LIBRARIES},
    )


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
