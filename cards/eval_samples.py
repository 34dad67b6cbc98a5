"""Which texts and flips a page shows: a few of each kind, so that rare ones are seen, too, and the page stays small."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Literal, TypeVar

from datasets_builder.skillmix.catalogue import Split
from datasets_builder.skillmix.config import Strict
from eval_harness.compare import Comparison
from eval_harness.compare_command import choose_flips
from eval_harness.results import CellResult, EvalRun, TextRow

SAMPLES = 360  # texts on the page, of all runs and cells
FLIPS = 24  # of each comparison
LONGEST_TEXT = 6_000  # characters of a text on the page

Verdict = Literal["full marks", "missed", "unscored"]
Item = TypeVar("Item")


class Sample(Strict):
    """One text as the model wrote it, with its votes."""

    label: str
    split: Split
    k: int
    row: TextRow
    clipped: int  # characters left out of the text

    @property
    def verdict(self) -> Verdict:
        """What became of it."""
        return "unscored" if self.row.marks is None else "full marks" if self.row.full_marks else "missed"

    @property
    def disputed(self) -> bool:
        """Whether two readable votes differ in a mark."""
        readable = [vote for vote in self.row.votes if vote is not None]
        return any(vote != readable[0] for vote in readable)


def choose_samples(named: Mapping[str, EvalRun]) -> Iterator[Sample]:
    """The same number of every cell of every run, its verdicts in turn, ``SAMPLES`` in all, and two at least."""
    cells = [(label, cell) for label, run in named.items() for cell in run.cells]
    for label, cell in cells:
        groups: dict[Verdict, list[Sample]] = defaultdict(list)
        for row in cell.rows:
            sample = _sample(label, cell, row)
            groups[sample.verdict].append(sample)
        yield from _take_in_turn(groups.values(), max(2, SAMPLES // len(cells)))


def _sample(label: str, cell: CellResult, row: TextRow) -> Sample:
    clipped = max(0, len(row.text) - LONGEST_TEXT)
    kept = row.model_copy(update={"text": row.text[:LONGEST_TEXT]}) if clipped else row
    return Sample(label=label, split=cell.split, k=cell.k, row=kept, clipped=clipped)


def trim_flips(comparison: Comparison) -> Comparison:
    """With at most ``FLIPS`` flips."""
    return comparison.model_copy(update={"flips": tuple(choose_flips(comparison.flips, FLIPS))})


def _take_in_turn(groups: Iterable[Sequence[Item]], most: int) -> list[Item]:
    """Of every group the first, then of every group the second, and so on."""
    return [item for turn in zip_longest(*groups) for item in turn if item is not None][:most]
