"""What a suite asks of every model: ``recipes/eval/<name>.yml`` as a model, and the cells it names."""

from collections.abc import Sequence
from typing import Self

from pydantic import Field, model_validator

from datasets_builder.skillmix.catalogue import PartitionConfig, Split
from datasets_builder.skillmix.combinations import Combination, Method
from datasets_builder.skillmix.config import Strict
from eval_harness.draws import MAX_K, MIN_K, Cell, generations_for


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
    early_stop: bool = False
    revise: bool = False
    prompts: str | None = None  # another prompt set than the catalogue's own
    limit: int | None = Field(None, ge=1)  # sentences that a text may have, where not max(1, k - 1)
    name_deduction: bool = True
    temperature: float = Field(0.7, ge=0)
    max_tokens: int = Field(512, ge=1)
    grader_temperature: float | None = Field(None, ge=0)  # None: what its provider takes
    grader_max_tokens: int = Field(1024, ge=1)
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

    def preview(self, combinations: int) -> Self:
        """The same suite with at most so many combinations a cell."""
        fewer = {k: min(n, combinations) for k, n in self.n_for.items()}
        return self.model_copy(update={"n": min(self.n, combinations), "n_for": fewer})

    def generations_of(self, cell: Cell, combinations: int) -> int:
        """Texts of each combination in a cell that has so many."""
        return generations_for(cell.n, combinations, self.generations)

    def texts(self, drawn: Sequence[tuple[Cell, Sequence[Combination]]]) -> int:
        """Texts in all."""
        return sum(len(found) * self.generations_of(cell, len(found)) for cell, found in drawn)

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
