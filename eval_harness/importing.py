"""Other people's graded texts as an ``EvalRun``: the metrics computed anew, everything unknown said.

    dskill import skill-mix/test --model gpt-4 --out runs/gpt-4        records of the reference implementation
    dskill import table.jsonl --model gpt-4 --out runs/gpt-4           a table; see wide_table.py

The majority of the votes is scored by our rubric. The length point is a program's, whatever graders said: our sentence
count gives it, or the recorded one. The deduction for a named skill is off, as in SKILL-MIX, unless asked for.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from datasets_builder.skillmix.catalogue import Catalogue, PartitionConfig, Split, hash_catalogue, load_catalogue
from datasets_builder.skillmix.combinations import Combination
from datasets_builder.skillmix.errors import UsageError
from datasets_builder.skillmix.rubric import criteria, deduct, majority, names_a_skill, score, sentence_limit
from datasets_builder.skillmix.sentences import count_sentences
from eval_harness.foreign import ForeignText, Length, Records, slugs_of
from eval_harness.results import EvalRun, Provenance, TextRow, summarise

UNKNOWN = "unknown"


class Rules(NamedTuple):
    """How the points that a program decides are decided."""

    length: Length = "counted"
    name_deduction: bool = False


DEFAULT = Rules()


def import_run(
    paths: Sequence[Path],
    model: str | None = None,
    grader: str | None = None,
    catalogue: str | None = None,
    rules: Rules = DEFAULT,
    drop_unreadable: bool = False,
) -> EvalRun:
    """The records below ``paths`` as a run.

    Args:
        paths: Folders and files of SKILL-MIX records, or one table (.jsonl, .parquet).
        model, grader: Which of several in the records; what a table's texts are of.
        catalogue: Where the skills and topics come from, if from one of ours; breakdowns by category need it.

    Raises:
        UsageError: The records do not fit together; names file, row and cure.
    """
    records = _read(paths, model, grader, drop_unreadable)
    world = load_catalogue(catalogue) if catalogue else None
    rows = _make_rows(records, world, rules)
    cells = [summarise(found, split, k, max(row.generation for row in found)) for (split, k), found in rows.items()]
    content = [row.model_dump() for found in rows.values() for row in found]
    identity = [records.model, records.grader, catalogue, rules, content]
    return EvalRun(
        fingerprint=hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:16],
        model=records.model,
        suite=None,
        provenance=_provenance(records, world, rules),
        cells=tuple(cells),
    )


def _read(paths: Sequence[Path], model: str | None, grader: str | None, drop_unreadable: bool) -> Records:
    from eval_harness.skillmix_records import read_skillmix
    from eval_harness.wide_table import SUFFIXES, read_table

    if not any(path.suffix in SUFFIXES for path in paths):
        return read_skillmix(paths, model, grader, drop_unreadable)
    if len(paths) > 1:
        raise UsageError(f"{paths[1]}: a table is imported alone; join the tables of one model into one")
    if model is None:
        raise UsageError(f"{paths[0]}: a table does not say whose texts it holds; name the model with --model")
    return read_table(paths[0], model, grader or UNKNOWN)


def _make_rows(
    records: Records, world: Catalogue | None, rules: Rules
) -> Mapping[tuple[Split, int], Sequence[TextRow]]:
    skills = slugs_of((name for text in records.texts for name in text.skills), "skill", world)
    topics = slugs_of((text.topic for text in records.texts), "topic", world)
    met: dict[tuple[Split, str], list[str]] = defaultdict(list)
    rows: dict[tuple[Split, int], list[TextRow]] = defaultdict(list)
    for text in records.texts:
        asked = Combination(tuple(skills[name] for name in text.skills), topics[text.topic])
        row = _make_row(text, asked, _number(asked, text.key, met[text.split, asked.id]), rules)
        rows[text.split, asked.k].append(row)
    order = sorted(rows, key=lambda cell: (cell[0] != "train", cell[0], cell[1]))
    return {cell: sorted(rows[cell], key=lambda row: (row.combination, row.generation)) for cell in order}


def _number(asked: Combination, key: str, met: list[str]) -> str:
    """The id of a combination; SKILL-MIX may draw one twice and counts it twice, so the second gets ``-2``."""
    if key not in met:
        met.append(key)
    place = met.index(key)
    return f"{asked.id}-{place + 1}" if place else asked.id


def _make_row(text: ForeignText, asked: Combination, combination: str, rules: Rules) -> TextRow:
    skills = asked.skills
    votes = tuple(None if v is None else dict(zip(criteria(skills), v, strict=True)) for v in text.votes)
    too_long = text.too_long if rules.length == "recorded" else _is_long(text)
    named = names_a_skill(text.text, text.skills)
    marks = majority(votes, skills) if text.text else dict.fromkeys(criteria(skills), False)
    if marks and text.text and too_long is not None:
        marks["length"] = not too_long
    if marks:
        marks = deduct(marks, skills, too_long=False, named=named and rules.name_deduction)
    found = score(marks, skills) if marks else None
    return TextRow(
        combination=combination,
        generation=text.generation,
        skills=skills,
        topic=asked.topic,
        text=text.text,
        marks=marks,
        full_marks=found.full_marks if found else None,
        all_skills=found.all_skills if found else None,
        skills_fraction=found.skills_fraction if found else None,
        shotgun=None,
        votes=votes,
        too_long=bool(too_long),
        named=named,
    )


def _is_long(text: ForeignText) -> bool:
    return count_sentences(text.text) > sentence_limit(len(text.skills))


def _provenance(records: Records, world: Catalogue | None, rules: Rules) -> Provenance:
    return Provenance(
        catalogue=world.about.name if world else UNKNOWN,
        catalogue_hash=hash_catalogue(world) if world else "",
        prompts=f"{records.prompts}, length {rules.length}",  # what must be equal in runs that are compared
        grader=records.grader,
        votes=records.votes,
        generations=records.generations,
        revise=records.revise,
        name_deduction=rules.name_deduction,
        temperature=None,
        seed=records.seed,
        partition=PartitionConfig(),
        topics="all",
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        versions={"dskill-mix": version("dskill-mix")},
        logs=(),
        source="import",
        note=_tell(records, world, rules),
    )


def _tell(records: Records, world: Catalogue | None, rules: Rules) -> str:
    """What a reader of the scores must know: what is wrong, then what is unknown."""
    recorded = [text for text in records.texts if text.too_long is not None]
    differ = sum(text.too_long != _is_long(text) for text in recorded)
    unread = sum(vote is None for text in records.texts for vote in text.votes)
    return "; ".join(
        part
        for part in (
            records.note,
            f"{unread} votes were unreadable" if unread else "",
            f"our sentence count and the recorded one differ on {differ} of {len(recorded)} texts" if recorded else "",
            f"the length point is {'ours' if rules.length == 'counted' else 'as recorded'}",
            "date, temperature and versions of the models are not recorded"
            + ("" if world else ", and definitions of skills and their split are unknown"),
        )
        if part
    )
