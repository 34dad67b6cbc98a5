"""Draws the texts that people mark: every text of a run is as likely as any other, and no cell is missed by chance."""

import random
from collections.abc import Sequence
from typing import NamedTuple

from datasets_builder.skillmix.catalogue import Catalogue
from datasets_builder.skillmix.errors import UsageError
from datasets_builder.skillmix.rubric import sentence_limit
from datasets_builder.skillmix.sentences import count_sentences
from eval_harness.draws import load_world
from eval_harness.human.labels import item_id
from eval_harness.human.plan import Item, Plan
from eval_harness.importing import UNKNOWN
from eval_harness.raters import catalogue_of
from eval_harness.results import CellResult, EvalRun, TextRow


class Candidate(NamedTuple):
    """A text of a run, and its cell."""

    cell: CellResult
    row: TextRow

    @property
    def stratum(self) -> tuple[str, int, str]:
        """Cell and verdict: full marks, missed, or unscored."""
        return self.cell.split, self.cell.k, str(self.row.full_marks)


def draw_plan(run: EvalRun, n: int, seed: int, overlap: float) -> Plan:
    """``n`` texts, or all there are; ``overlap`` is the share of them that every annotator marks.

    Raises:
        UsageError: The run's catalogue, or a skill or topic of its texts, is unknown.
    """
    catalogue = _catalogue(run)
    stream = random.Random(f"sample {seed}")
    chosen = choose([Candidate(cell, row) for cell in run.cells for row in cell.rows], n, stream)
    chosen = stream.sample(chosen, len(chosen))
    shared = round(overlap * len(chosen))
    items = [_item(one, run, catalogue, place < shared) for place, one in enumerate(chosen)]
    asked = {slug for item in items for slug in item.skills}
    named = sorted(asked.union(*(catalogue.skills[slug].confused_with for slug in asked)))
    skills = {slug: catalogue.skills[slug] for slug in named}
    return Plan(n=n, seed=seed, overlap=overlap, skills=skills, items=tuple(stream.sample(items, len(items))))


def choose(candidates: Sequence[Candidate], n: int, stream: random.Random) -> list[Candidate]:
    """Systematic sampling: every (N / n)-th text, from a random start, of the texts shuffled within their strata.

    Each text is drawn with probability n / N exactly, so that shares in the sample estimate shares in the run without
    weights; each stratum has its proportional number of texts, to less than one.
    """
    total = len(candidates)
    n = min(n, total)
    mixed = sorted(stream.sample(candidates, total), key=lambda candidate: candidate.stratum)
    start = stream.randrange(total)
    return [mixed[(start + place * total) // n] for place in range(n)]


def _catalogue(run: EvalRun) -> Catalogue:
    name = catalogue_of(run)
    if name == UNKNOWN:
        raise UsageError("people mark by definitions, which this run does not have; import it with --catalogue")
    return load_world(name).catalogue


def _item(one: Candidate, run: EvalRun, catalogue: Catalogue, shared: bool) -> Item:
    cell, row = one
    catalogue.check(row.skills, "skill", f"combination {row.combination}")
    catalogue.check([row.topic], "topic", f"combination {row.combination}")
    return Item(
        item=item_id(cell.split, cell.k, row.combination, row.generation, row.text),
        split=cell.split,
        k=cell.k,
        combination=row.combination,
        generation=row.generation,
        skills=row.skills,
        topic=catalogue.topics[row.topic].name,
        text=row.text,
        sentences=count_sentences(row.text),
        limit=sentence_limit(cell.k, run.provenance.limit),
        shared=shared,
    )
