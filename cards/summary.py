"""The figures of one study, as the orchestrator hands them to the report; summary.json is this model.

Example cell: arm ``(1,2)`` on held-out skills at k = 2, 252 of 400 texts with full marks:
``Cell(arm="(1,2)", split="held-out", k=2, n_combinations=400, n_texts=400, full_marks=0.63, low=0.58, ...)``.
Shares are fractions from 0 to 1 here; the report prints percent.
"""

from typing import Annotated, Self

from pydantic import Field, model_validator

from datasets_builder.skillmix.catalogue import Side, Split
from datasets_builder.skillmix.config import Strict

Share = Annotated[float, Field(ge=0, le=1)]
Difference = Annotated[float, Field(ge=-1, le=1)]
Count = Annotated[int, Field(ge=0)]
K = Annotated[int, Field(ge=1)]


class Arm(Strict):
    """One model of the study. ``ks`` are the values of k in its fine-tuning data; the base has none."""

    name: str
    ks: tuple[K, ...]
    trained_on: str

    @property
    def largest(self) -> int:
        """The largest k it was fine-tuned on; 0 for the base."""
        return max(self.ks, default=0)


class Cell(Strict):
    """One arm on one side at one k; ``low`` and ``high`` bound full marks (95 % Wilson)."""

    arm: str
    split: Side
    k: K
    n_combinations: Count
    n_texts: Count
    full_marks: Share
    low: Share
    high: Share
    skills_fraction: Share
    all_skills: Share
    unscored: Count  # texts without a readable verdict; they are in no share
    shotgun: Share | None = None  # full marks of the same texts against another request of the same k and topic


class Comparison(Strict):
    """Full marks of ``arm`` minus those of ``against`` on the same combinations, with its 95 % interval."""

    arm: str
    against: str
    split: Side
    k: K
    difference: Difference
    low: Difference
    high: Difference
    p: Share | None  # exact McNemar; None where a combination has several texts

    @property
    def clear(self) -> bool:
        """Whether the interval leaves out zero."""
        return self.low > 0 or self.high < 0


class Sample(Strict):
    """One text as the model wrote it, with its request and its k + 3 marks."""

    arm: str
    split: Side
    k: K
    skills: tuple[str, ...]
    topic: str
    text: str
    marks: dict[str, bool]
    full_marks: bool


class YieldOfK(Strict):
    """How many texts of one k the teacher wrote, and how many passed the grader."""

    k: K
    generated: Count
    kept: Count
    mean_words: Annotated[float, Field(ge=0)]  # of the kept texts


class Data(Strict):
    """The training data: its yield by k, and why texts were rejected."""

    generated: Count
    kept: Count
    by_k: tuple[YieldOfK, ...]
    rejects: dict[str, Count]


class Sides(Strict):
    """Skill and topic slugs on each side."""

    train_skills: tuple[str, ...]
    held_out_skills: tuple[str, ...]
    train_topics: tuple[str, ...]
    held_out_topics: tuple[str, ...]


class Timing(Strict):
    """Wall time of one stage; ``skipped`` when a finished result of an earlier run was taken."""

    stage: str
    seconds: Annotated[float, Field(ge=0)]
    skipped: bool = False


class Provenance(Strict):
    """What must be equal for the numbers to be comparable."""

    dataset_hash: str
    prompt_version: str
    recipes: dict[str, str]  # recipe -> hash
    seeds: dict[str, int]
    versions: dict[str, str]  # library -> version
    temperature: Annotated[float, Field(ge=0)]
    generations: Annotated[int, Field(ge=1)]  # texts for each combination
    grader: str


class Summary(Strict):
    """One study. ``miniature`` adds what must be said of the scripted world; arms stand in the order of the tables."""

    study: str
    title: str
    seed: int
    miniature: bool = True
    arms: tuple[Arm, ...] = Field(min_length=1)
    cells: tuple[Cell, ...] = Field(min_length=1)
    comparisons: tuple[Comparison, ...] = ()
    samples: tuple[Sample, ...] = ()
    data: Data
    partition: Sides
    timings: tuple[Timing, ...] = ()
    provenance: Provenance

    @model_validator(mode="after")
    def _arms_are_known(self) -> Self:
        known = {arm.name for arm in self.arms}
        named = {cell.arm for cell in self.cells} | {sample.arm for sample in self.samples}
        named |= {name for c in self.comparisons for name in (c.arm, c.against)}
        if unknown := named - known:
            raise ValueError(f"arms {sorted(unknown)} have figures but are not in 'arms'")
        if len({(cell.arm, cell.split, cell.k) for cell in self.cells}) < len(self.cells):
            raise ValueError("two cells hold the same arm, split and k")
        return self

    @property
    def ks(self) -> tuple[int, ...]:
        """Every k that was evaluated, ascending."""
        return tuple(sorted({cell.k for cell in self.cells}))

    @property
    def base(self) -> Arm | None:
        """The arm that was not fine-tuned."""
        return next((arm for arm in self.arms if not arm.ks), None)

    @property
    def control(self) -> Arm | None:
        """The arm fine-tuned on single skills only, SFT(1)."""
        return next((arm for arm in self.arms if arm.ks == (1,)), None)

    @property
    def composed(self) -> tuple[Arm, ...]:
        """The arms whose data compose two skills or more."""
        return tuple(arm for arm in self.arms if arm.largest > 1)

    def cell(self, arm: str, split: Split, k: int) -> Cell | None:
        """The cell of an arm, or None where it was not evaluated."""
        return next((c for c in self.cells if (c.arm, c.split, c.k) == (arm, split, k)), None)

    def comparison(self, arm: str, against: str, split: Split, k: int) -> Comparison | None:
        """The paired difference of two arms, or None where it was not computed."""
        return next((c for c in self.comparisons if (c.arm, c.against, c.split, c.k) == (arm, against, split, k)), None)
