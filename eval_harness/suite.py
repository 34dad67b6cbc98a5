"""Runs one model through a suite of SKILL-MIX cells: recipes/eval/*.yml -> Inspect -> results, once.

The same suite, seed and partition ask every model for the same combinations, so results can be paired.
"""

import hashlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Self

from pydantic import Field, ValidationError, model_validator

from datasets_builder.skillmix.catalogue import PartitionConfig, Split
from datasets_builder.skillmix.combinations import Method
from datasets_builder.skillmix.config import Strict
from datasets_builder.skillmix.errors import OutsideError, UsageError
from eval_harness.checkpoint import check_folder, digest_folder, is_folder
from eval_harness.draws import MAX_K, MIN_K, Cell, draw_cell, load_world, read_keys
from eval_harness.results import CellResult, read_cell

if TYPE_CHECKING:
    from inspect_ai.log import EvalLog
    from inspect_ai.model import Model

    from eval_harness.run import Drawn, Progress

UNREAD = ("events", "messages", "store", "attachments", "timelines")  # parts of a log that hold no result


class EvalSuite(Strict):
    """``recipes/eval/<name>.yml``: the cells, and how texts are drawn, written and graded."""

    catalogue: str
    grader: str  # a program grader, or "model"
    splits: tuple[Split, ...] = Field(min_length=1)
    topics: Split = "held-out"
    partition: PartitionConfig = PartitionConfig()
    k: tuple[int, ...] = Field(min_length=1)
    n: int = Field(ge=1)
    n_for: dict[int, int] = Field(default_factory=dict)
    method: Method = "balanced"
    seed: int = 0
    generations: int = Field(1, ge=1)
    votes: int = Field(1, ge=1)
    revise: bool = False
    name_deduction: bool = True
    temperature: float = Field(0.7, ge=0)
    max_tokens: int = Field(512, ge=1)
    max_unscored: float = Field(0.05, ge=0, le=1)

    @model_validator(mode="after")
    def _check_k(self) -> Self:
        if bad := [k for k in self.k if not MIN_K <= k <= MAX_K]:
            raise ValueError(f"k = {bad[0]}: choose k from {MIN_K} to {MAX_K}")
        if unused := sorted(set(self.n_for) - set(self.k)):
            raise ValueError(f"n_for names k = {unused[0]}, which the suite does not evaluate")
        return self

    def with_seed(self, seed: int) -> Self:
        """The same suite as another run: other split (where it is random), other combinations, other texts."""
        return self.model_copy(update={"seed": seed, "partition": self.partition.model_copy(update={"seed": seed})})

    def cells(self) -> list[Cell]:
        """All cells, split by split."""
        return [self._cell(split, k) for split in self.splits for k in self.k]

    def _cell(self, split: Split, k: int) -> Cell:
        return Cell(
            split=split,
            k=k,
            n=self.n_for.get(k, self.n),
            topics=self.topics,
            seed=self.seed,
            method=self.method,
            partition=self.partition,
        )


class SuiteFile(Strict):
    """``results-<fingerprint>.json``: what a finished suite leaves beside its logs."""

    fingerprint: str
    model: str
    suite: EvalSuite
    cells: tuple[CellResult, ...]


def run_suite(
    suite: EvalSuite,
    model: "str | Model",
    log_dir: Path,
    exclude: Path | None = None,
    grader_model: "str | Model | None" = None,
    progress: "Progress | None" = None,
) -> list[CellResult]:
    """The results of every cell, in the order of ``suite.cells``; read back when this very suite was run before.

    Args:
        model: An Inspect model name, such as ``folder/<checkpoint>``.
        log_dir: Takes the .eval logs and the results file.
        exclude: A dataset folder, none of whose (skills, topic) is asked.
        grader_model: Bound to the role ``grader``; needed when ``suite.grader`` is "model".
        progress: Called with (texts scored, texts in all) after each text.

    Raises:
        UsageError: A wrong name, path or number, before any text is written.
        OutsideError: A cell failed, or more verdicts than ``suite.max_unscored`` were unreadable.
    """
    _check_grader(suite, grader_model)
    drawn = _draw(suite, exclude)
    fingerprint = _fingerprint(suite, drawn, [str(model), _weights(str(model)), str(grader_model)])
    path = log_dir / f"results-{fingerprint}.json"
    if path.is_file():
        return list(_read(path).cells)
    from eval_harness.run import run_cells

    logs = run_cells(suite, drawn, model, log_dir, exclude, grader_model, progress)
    results = _collect(suite, drawn, logs)
    _write(path, SuiteFile(fingerprint=fingerprint, model=str(model), suite=suite, cells=tuple(results)))
    return results


def read_results(log_dir: Path) -> SuiteFile:
    """The results of the one suite that was finished in this folder.

    Raises:
        UsageError: There is none, or there are several, or the file is of another version.
    """
    found = sorted(log_dir.glob("results-*.json"))
    if len(found) != 1:
        raise UsageError(f"{log_dir}: {len(found)} finished suites (results-*.json) here, need one; run dskill eval")
    return _read(found[0])


def _draw(suite: EvalSuite, exclude: Path | None) -> "Drawn":
    catalogue = load_world(suite.catalogue).catalogue
    met = read_keys(exclude, catalogue.partition(suite.partition).topics(suite.topics)) if exclude else ()
    return [(cell, draw_cell(catalogue, cell, met)) for cell in suite.cells()]


def _collect(suite: EvalSuite, drawn: "Drawn", logs: "list[EvalLog]") -> list[CellResult]:
    from inspect_ai.log import read_eval_log

    texts = (read_eval_log(log.location, exclude_fields=set(UNREAD)) for log in logs)
    found = {(result.split, result.k): result for result in map(read_cell, texts)}
    results = [found[cell.split, cell.k] for cell, _ in drawn]
    for result in results:
        share = result.unscored / len(result.rows)
        if share > suite.max_unscored:
            raise OutsideError(
                f"cell {result.split} k = {result.k}: {share:.0%} of the verdicts were unreadable, over max_unscored = "
                f"{suite.max_unscored:.0%}; use another grader model, or raise the limit"
            )
    return results


def _check_grader(suite: EvalSuite, grader_model: "str | Model | None") -> None:
    from eval_harness.graders import MODEL, make_voter

    make_voter(suite.grader, load_world(suite.catalogue), suite.votes)
    if suite.grader == MODEL and grader_model is None:
        raise UsageError("grader: model needs a grader model; name one, since no model may grade itself")
    if suite.grader != MODEL and grader_model is not None:
        raise UsageError(f"grader: {suite.grader} is a program; drop the grader model, or set grader: {MODEL}")


def _weights(model: str) -> str:
    """What a model's name does not say: the digest of a folder. Other names must pin their version themselves."""
    if not is_folder(model):
        return ""
    folder = Path(model.removeprefix("folder/"))
    check_folder(folder)
    return digest_folder(folder)


def _fingerprint(suite: EvalSuite, drawn: "Drawn", identity: list[object]) -> str:
    """First 16 hex digits over everything that shapes a score; the draws stand for seed, partition and exclusions."""
    asked = [[cell.split, cell.k, [[*one.skills, one.topic] for one in found]] for cell, found in drawn]
    settings = suite.model_dump(mode="json", exclude={"max_unscored"})
    parts = [settings, load_world(suite.catalogue).version, asked, identity]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def _read(path: Path) -> SuiteFile:
    try:
        return SuiteFile.model_validate_json(path.read_bytes())
    except ValidationError:
        raise UsageError(f"{path}: not a results file of this version; delete it to evaluate anew") from None


def _write(path: Path, content: SuiteFile) -> None:
    """Whole or not at all, and last: the file means that the suite is finished."""
    part = path.with_suffix(".part")
    part.write_text(content.model_dump_json(indent=1), encoding="utf-8")
    os.replace(part, path)
