"""The figures of one evaluation or several: all that the report prints; report.json is this model.

    report = summarise_runs([read_run(folder)], ["tuned"])
    report.runs[0].cells[0].full_marks

Shares are fractions from 0 to 1 here; the pages print percent.
"""

from collections.abc import Mapping, Sequence

from cards.eval_samples import Sample, choose_samples, trim_flips
from cards.plots import sides_of
from cards.published import PublishedTable, find_published
from cards.templating import visible
from datasets_builder.model_names import public_name
from datasets_builder.skillmix.catalogue import Catalogue, Split, hash_catalogue
from datasets_builder.skillmix.config import Strict
from datasets_builder.skillmix.errors import UsageError
from eval_harness.agreement import Agreement
from eval_harness.audit import Audit
from eval_harness.breakdown import CategoryRate, PairRate, SkillRate, Spread, category_rates, pair_rates, skill_rates
from eval_harness.breakdown import spreads as find_spreads
from eval_harness.compare import Comparison, compare_runs
from eval_harness.draws import load_world
from eval_harness.parrots import CorpusRates, ParrotRow, parrot_row, saturation_point
from eval_harness.preference import Preference
from eval_harness.results import CellResult, EvalRun, Provenance

LONGEST_LABEL = 40  # characters; a label heads rows, columns and lines
LONGEST_TITLE = 60
COLLISION = 0.05  # adjusted p below which a pair of skills is listed


class Column(Strict):
    """How often skills are shown in the cells of these splits by one run: a column of the heat map."""

    label: str
    splits: tuple[Split, ...]
    skills: tuple[SkillRate, ...]
    categories: tuple[CategoryRate, ...]


class RunFigures(Strict):
    """One run, without its texts."""

    label: str
    model: str
    fingerprint: str
    provenance: Provenance
    cells: tuple[CellResult, ...]  # their rows left out
    spreads: tuple[Spread, ...]
    votes: int  # taken, of texts whose votes were kept
    unreadable_votes: int
    saturation: dict[Split, int | None]  # the largest k with clear success
    parrots: tuple[ParrotRow, ...]
    collisions: tuple[PairRate, ...]
    pairs: int  # of skills, that could have collided

    @property
    def texts(self) -> int:
        """Texts that were graded, with the unscored ones."""
        return sum(cell.n_texts + cell.unscored for cell in self.cells)

    @property
    def unscored(self) -> int:
        """Texts without a readable majority."""
        return sum(cell.unscored for cell in self.cells)

    def cell(self, split: Split, k: int) -> CellResult | None:
        """The result on one cell, or None when it was not evaluated."""
        return next((cell for cell in self.cells if (cell.split, cell.k) == (split, k)), None)


class Report(Strict):
    """All that the report prints."""

    title: str
    baseline: str
    runs: tuple[RunFigures, ...]
    comparisons: tuple[Comparison, ...]  # their flips trimmed
    refused: dict[str, str]  # label -> why it is not compared with the baseline
    columns: tuple[Column, ...]
    agreements: tuple[Agreement, ...]
    preferences: tuple[Preference, ...]
    audits: tuple[Audit, ...]
    corpus: CorpusRates | None
    samples: tuple[Sample, ...]
    published: tuple[PublishedTable, ...]

    @property
    def cells(self) -> list[CellResult]:
        """The cells of all runs."""
        return [cell for run in self.runs for cell in run.cells]

    @property
    def ks(self) -> tuple[int, ...]:
        """Every k that was evaluated, ascending."""
        return tuple(sorted({cell.k for cell in self.cells}))

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels of the runs, in the order of the tables."""
        return tuple(run.label for run in self.runs)

    @property
    def texts(self) -> int:
        """Texts of all runs, with the unscored ones."""
        return sum(run.texts for run in self.runs)


def summarise_runs(
    runs: Sequence[EvalRun],
    labels: Sequence[str],
    baseline: str | None = None,
    comparisons: Sequence[Comparison] = (),
    agreements: Sequence[Agreement] = (),
    preferences: Sequence[Preference] = (),
    audits: Sequence[Audit] = (),
    corpus: CorpusRates | None = None,
) -> Report:
    """The figures of these runs.

    Args:
        labels: A name for each run.
        baseline: The label that the others are compared with; the first one where None.
        comparisons: Taken as they are; where there are none, every run that matches the baseline is compared with it.

    Raises:
        UsageError: Labels that do not name the runs, or an unknown baseline.
    """
    names = _check_labels(runs, labels)
    base = names[0] if baseline is None else visible(baseline)
    if base not in names:
        raise UsageError(f"baseline {base!r}: no run has that label (labels: {', '.join(names)})")
    named = dict(zip(names, runs, strict=True))
    title = f"SKILL-MIX: {', '.join(names)}"
    found, refused = (tuple(comparisons), {}) if comparisons else _compare(named, base)
    return Report(
        title=title if len(title) <= LONGEST_TITLE else f"SKILL-MIX of {len(names)} runs",
        baseline=base,
        runs=tuple(_figures(label, run, corpus) for label, run in named.items()),
        comparisons=tuple(trim_flips(comparison) for comparison in found),
        refused=refused,
        columns=tuple(column for label, run in named.items() for column in _columns(label, run)),
        agreements=tuple(agreements),
        preferences=tuple(preferences),
        audits=tuple(audits),
        corpus=corpus,
        samples=tuple(choose_samples(named)),
        published=find_published(cell for run in runs for cell in run.cells),
    )


def _check_labels(runs: Sequence[EvalRun], labels: Sequence[str]) -> list[str]:
    names = [visible(label).strip() for label in labels]
    if not runs or len(names) != len(runs) or len(set(names)) != len(names) or not all(names):
        raise UsageError(f"labels {', '.join(names) or 'none'}: give {len(runs)} different ones, one for each run")
    if long := next((name for name in names if len(name) > LONGEST_LABEL), None):
        raise UsageError(
            f"label {long[:LONGEST_LABEL]}…: longer than {LONGEST_LABEL} characters; shorten it (--labels)"
        )
    return names


def _compare(named: Mapping[str, EvalRun], base: str) -> tuple[tuple[Comparison, ...], dict[str, str]]:
    """Every run that may stand beside the baseline, against it, as one family for Holm; and why the others may not."""
    fit, refused = [base], {}
    for label in named:
        if label != base:
            try:
                compare_runs([named[base], named[label]], [base, label])
                fit.append(label)
            except UsageError as error:
                refused[label] = str(error)
    return (compare_runs([named[label] for label in fit], fit) if len(fit) > 1 else ()), refused


def _figures(label: str, run: EvalRun, corpus: CorpusRates | None) -> RunFigures:
    votes = [vote for cell in run.cells for row in cell.rows for vote in row.votes]
    pairs = pair_rates(run)
    splits = sides_of(run.cells)
    return RunFigures(
        label=label,
        model=public_name(run.model),
        fingerprint=run.fingerprint,
        provenance=run.provenance,
        cells=tuple(cell.model_copy(update={"rows": ()}) for cell in run.cells),
        spreads=find_spreads(run),
        votes=len(votes),
        unreadable_votes=votes.count(None),
        saturation={split: saturation_point([cell for cell in run.cells if cell.split == split]) for split in splits},
        parrots=tuple(parrot_row(cell, corpus) for cell in run.cells) if corpus else (),
        collisions=tuple(pair for pair in pairs if pair.p_holm < COLLISION),
        pairs=len(pairs),
    )


def _columns(label: str, run: EvalRun) -> list[Column]:
    """The run's columns of the heat map: cells of one side's skills apart from those that mix the sides."""
    catalogue = _catalogue_of(run)
    found = []
    for splits in (("train", "held-out"), ("all",)):
        cells = tuple(cell for cell in run.cells if cell.split in splits)
        if cells and catalogue:
            part = run.model_copy(update={"cells": cells})
            skills, categories = skill_rates(part, catalogue), category_rates(part, catalogue)
            found.append(Column(label=label, splits=tuple(sides_of(cells)), skills=skills, categories=categories))
    return found


def _catalogue_of(run: EvalRun) -> Catalogue | None:
    """The run's catalogue, or None when it is not at hand, or is another one by now."""
    try:
        catalogue = load_world(run.provenance.catalogue).catalogue
    except UsageError:
        return None
    return catalogue if hash_catalogue(catalogue) == run.provenance.catalogue_hash else None
