"""Evaluation results as cards show them: one row for a model and a side of the catalogue, one column for each k."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from datasets_builder.model_names import public_name
from datasets_builder.skillmix.catalogue import Split
from datasets_builder.skillmix.config import Strict

if TYPE_CHECKING:  # the evaluation is not needed for a card without its results
    from eval_harness.results import EvalRun

SIDES: dict[Split, str] = {"train": "skills of training", "held-out": "held-out skills", "all": "all skills"}


class Score(Strict):
    """Full marks of one model on one cell, all from 0 to 1, with the 95 % interval over combinations."""

    split: Split
    k: int
    full_marks: float
    low: float
    high: float
    combinations: int
    generations: int


class Evidence(Strict):
    """The scores of one model, and what makes them comparable with others."""

    model: str
    catalogue: str
    grader: str
    votes: int
    prompts: str
    created: str
    scores: tuple[Score, ...]

    @property
    def setting(self) -> str:
        """In a sentence's words, how its texts were asked for and graded."""
        texts = sorted({score.generations for score in self.scores})
        asked = sorted({score.combinations for score in self.scores})
        return (
            f"{_range(asked)} combinations a cell, {_range(texts)} text{'s' if texts != [1] else ''} each; catalogue "
            f"{self.catalogue}, grader {self.grader}, {self.votes} vote{'s' if self.votes != 1 else ''}, prompts "
            f"{self.prompts}, {self.created[:10]}"
        )


class Line(Strict):
    """A row of the table; a cell that was not evaluated is None."""

    model: str
    side: str
    scores: tuple[Score | None, ...]


class Table(Strict):
    """The table of all models; under it, each setting is told once."""

    ks: tuple[int, ...]
    lines: tuple[Line, ...]
    settings: tuple[str, ...]


def read_evidence(paths: Sequence[Path]) -> tuple[Evidence, ...]:
    """What ``dskill eval`` left, by file or folder.

    Raises:
        UsageError: There are no results, or they are of another version.
    """
    from eval_harness.results import read_run

    return tuple(weigh(read_run(path)) for path in paths)


def weigh(run: "EvalRun", name: str | None = None) -> Evidence:
    """A run as evidence, of a model that is called ``name``, or else by its own; a folder's by its last part."""
    facts, local = run.provenance, run.model.removeprefix("folder/")
    own = public_name(run.model) if local == run.model else Path(local).name
    return Evidence(
        model=name or own,
        catalogue=facts.catalogue,
        grader=public_name(facts.grader),
        votes=facts.votes,
        prompts=facts.prompts,
        created=facts.created,
        scores=tuple(
            Score(
                split=cell.split,
                k=cell.k,
                full_marks=cell.full_marks,
                low=cell.low,
                high=cell.high,
                combinations=cell.n_combinations,
                generations=cell.generations,
            )
            for cell in run.cells
        ),
    )


def tabulate(found: Sequence[Evidence]) -> Table:
    """The table of some models, in their order, split by split."""
    ks = tuple(sorted({score.k for one in found for score in one.scores}))
    lines = []
    for split, side in SIDES.items():
        for one in found:
            scores = {score.k: score for score in one.scores if score.split == split}
            if scores:
                lines.append(Line(model=one.model, side=side, scores=tuple(scores.get(k) for k in ks)))
    return Table(ks=ks, lines=tuple(lines), settings=tuple(dict.fromkeys(one.setting for one in found)))


def _range(numbers: Sequence[int]) -> str:
    return f"{numbers[0]:,}" if len(numbers) == 1 else f"{numbers[0]:,} to {numbers[-1]:,}"
