"""``dskill merge``: a finished dataset and accepted texts -> a dataset with both, its figures and card made anew.

The dataset's own rows stay as they are, and so does each file that no row joins, byte for byte. A contributed text gets
the request that our prompts make for its skills and topic; it stands in train or validation by the hash of its
combination, as all do. Texts without full marks go to the rejects, as a build's own do.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl

from datasets_builder.contribute import Root, check
from datasets_builder.contribute_files import Contribution, find_contributions, show
from datasets_builder.contribute_forms import GradedFile
from datasets_builder.contribute_texts import Release
from datasets_builder.dataset import Origin, write_dataset
from datasets_builder.manifest import Card, Manifest
from datasets_builder.records import Row
from datasets_builder.skillmix.combinations import Combination
from datasets_builder.skillmix.errors import UsageError
from datasets_builder.skillmix.prompts import PromptSet, load_prompts
from datasets_builder.skillmix.rubric import criteria


def merge_contributions(dataset: Path, contributions: Path, out: Path, card: Card) -> Manifest:
    """Writes the dataset with the texts of a folder of contributions that are of its catalogue and not in it yet.

    Args:
        dataset: A finished dataset.
        contributions: The folder, ``contrib``; checked first, against the dataset.
        out: The folder to write; absent, or empty.
        card: As in ``write_dataset``.

    Raises:
        UsageError: A contribution has a fault, there is nothing to merge, or ``out`` is in use.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"{show(out)}: exists already; name another folder")
    release = Release(dataset)
    graded = _accepted(release, contributions)
    catalogue = Root(contributions).catalogues[release.catalogue]
    prompts, manifest = load_prompts(catalogue.about.prompts, catalogue), release.manifest
    rows = [*_read_rows(dataset)]
    for one, file in graded.items():
        rows += _rows_of(one, file, prompts)
    origin = Origin(
        teacher=manifest.teacher,
        grader=manifest.grader,
        prompt_version=manifest.prompt_version,
        recipe=manifest.name,
        seed=manifest.seed,
        validation=manifest.validation,
        prompts=manifest.prompts,
        trial=manifest.identity.get("limit") is not None,
    )
    merged = {_key(one): _digest(one) for one in graded}
    return write_dataset(out, rows, origin, catalogue, {**manifest.identity, **merged}, card, manifest.costs)


def _accepted(release: Release, folder: Path) -> dict[Contribution, GradedFile]:
    """The contributions that join the dataset."""
    places = [place for name in ("graded", "data") if (place := folder / name).is_dir()]
    found, _ = find_contributions(places)
    identity = release.manifest.identity
    if changed := [one for one in found if identity.get(_key(one), _digest(one)) != _digest(one)]:
        raise UsageError(
            f"{show(changed[0].files[0])}: was merged before and is another now; merge into the first build"
        )
    waiting = [file for one in found if _key(one) not in identity for file in one.files]
    verdict = check(waiting, against=release.folder)
    if verdict.faults:
        raise UsageError(f"{verdict.faults[0]} ({len(verdict.faults)} faults in all; dskill check {show(folder)})")
    graded = {one: file for one, file in verdict.graded.items() if file.header.catalogue == release.catalogue}
    if not graded:
        raise UsageError(f"{show(folder)}: no text of catalogue {release.catalogue!r} that the dataset has not")
    ks = {f"k{len(text.skills)}" for file in graded.values() for text, _ in file.texts}
    if new := sorted(ks - {name for name, counts in release.manifest.counts.items() if counts.kept}):
        raise UsageError(f"{show(folder)}: texts of {new[0]}, which {show(release.folder)} has none of; leave them out")
    return graded


def _read_rows(dataset: Path) -> Iterator[Row]:
    """The rows of a dataset as its pipeline made them, in their order, which the transcripts keep."""
    kept = pl.read_parquet(sorted(dataset.glob("data/k*/*.parquet")))
    rejects = pl.read_parquet(dataset / "rejects" / "rejected.parquet")
    records = {row["id"]: row for table in (kept, rejects) for row in table.iter_rows(named=True)}
    for said in pl.read_parquet(sorted(dataset.glob("transcripts/*.parquet"))).iter_rows(named=True):
        record = records[said["id"]]
        prompt = [turn["content"] for turn in record["messages"] if turn["role"] == "user"]
        yield {
            "reason": None,
            "detail": None,
            **said,
            **record,
            "combination": Combination(tuple(record["skills"]), record["topic"]).id,
            "prompt": prompt[0] if prompt else None,
            "marks": [given["mark"] for given in record["marks"]],
        }


def _rows_of(one: Contribution, graded: GradedFile, prompts: PromptSet) -> Iterator[Row]:
    from datasets_builder.steps import select  # distilabel takes seconds to import

    header = graded.header
    shared: dict[str, Any] = {"teacher": header.teacher, "grader": header.grader, "contributor": header.contributor}
    shared |= {"source": header.source, "licence": header.licence, "recipe": _name(one), "seed": None}
    for text, _ in graded.texts:
        combination = Combination(text.skills, text.topic)
        marks = [text.marks[name] for name in criteria(text.skills)]
        yield {
            **shared,
            "id": f"{one.slug}/{text.id}",  # no id of a build has a slash
            "combination": combination.id,
            "skills": list(text.skills),
            "topic": text.topic,
            "k": combination.k,
            "prompt": prompts.generate(combination),
            "text": text.text,
            "votes": [None if vote is None else list(vote) for vote in text.votes],
            "reason": None,
            "detail": None,
            **select(list(text.skills), [marks], 1),
        }


def _name(one: Contribution) -> str:
    return f"contrib/{one.kind}/{one.slug}"


def _key(one: Contribution) -> str:
    return f"contributions.{one.kind}/{one.slug}"


def _digest(one: Contribution) -> str:
    """12 hex digits of the content of its files."""
    digest = hashlib.sha256()
    for path in one.files:
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:12]
