"""What a run costs: prices by model, tokens by model and stage, and the budget that stops it.

    meter = Meter(load_prices(), budget_usd=20.0, ledger=folder / "spent.jsonl")
    current_meter.set(meter)
    meter.admit("openai/gpt-4.1"); ...; meter.record("openai/gpt-4.1", "grade", Usage(1200, 80), cached=False)

An unknown price stays unknown: it is never counted as $0.
"""

import threading
from collections.abc import Collection, Mapping
from contextvars import ContextVar
from datetime import date
from fnmatch import fnmatchcase
from pathlib import Path

from pydantic import Field

from datasets_builder.ledger import Ledger, Stage, Usage
from datasets_builder.manifest import StageCost
from datasets_builder.skillmix.config import Strict, read_config
from datasets_builder.skillmix.errors import DskillError, OutsideError

SHIPPED = Path(__file__).resolve().parent / "prices.yml"
MILLION = 1_000_000


class BudgetError(OutsideError):
    """The budget of a run is spent; a higher one continues it."""


class Price(Strict):
    """What some models cost, in USD per million tokens."""

    match: tuple[str, ...] = Field(min_length=1)  # model names; * stands for any characters
    input: float = Field(ge=0)
    output: float = Field(ge=0)
    cached_input: float | None = Field(default=None, ge=0)  # None: as dear as any input
    batch: float = Field(default=1.0, gt=0, le=1)  # the factor of the provider's batch mode
    as_of: date
    source: str

    def usd(self, usage: Usage, *, batched: bool = False) -> float:
        """The price of one answer, or of many summed up."""
        cached = self.input if self.cached_input is None else self.cached_input
        fresh = usage.input_tokens - usage.cached_input_tokens
        total = fresh * self.input + usage.cached_input_tokens * cached + usage.output_tokens * self.output
        return total * (self.batch if batched else 1.0) / MILLION


class Prices(Strict):
    """A price file, such as prices.yml: the first entry that matches a model counts."""

    prices: tuple[Price, ...]

    def of(self, model: str) -> Price | None:
        """The price of a model, or None when it is unknown."""
        return next((price for price in self.prices if any(fnmatchcase(model, m) for m in price.match)), None)

    def unknown(self, models: Collection[str]) -> list[str]:
        """The models without a price."""
        return sorted({model for model in models if self.of(model) is None})


def load_prices(own: Path | None = None) -> Prices:
    """The shipped prices, after those of the user's own file."""
    files = [path for path in (own, SHIPPED) if path]
    return Prices(prices=tuple(price for path in files for price in read_config(Prices, path).prices))


class Meter:
    """Counts what the requests of a run cost and refuses further ones once the budget is spent.

    Safe in threads and in tasks. With a ``ledger`` the tokens paid for outlive the process, so that a budget is one for
    all runs that a dataset takes.
    """

    def __init__(
        self,
        prices: Prices,
        *,
        budget_usd: float | None = None,
        batched: Collection[str] = (),
        ledger: Path | None = None,
    ) -> None:
        """A meter that goes on from its ledger.

        Args:
            prices: What the models cost.
            budget_usd: All that may be spent; None for no limit. Requests in flight when it is reached come on top.
            batched: Models that are asked in the provider's batch mode.
            ledger: Where the tokens paid for are kept.

        Raises:
            UsageError, OutsideError: A ledger that is there cannot be read, or none can be written.
        """
        self.prices, self.budget_usd, self._batched = prices, budget_usd, frozenset(batched)
        self._price: dict[str, Price | None] = {}
        self._ledger = Ledger(ledger)
        self._usd = {key: self._value(key[0], usage) for key, usage in self._ledger.paid.items()}
        self._used_usd = 0.0
        self._halted: DskillError | None = None
        self._lock = threading.Lock()

    def admit(self, model: str) -> None:
        """Lets a request to the model pass.

        Raises:
            BudgetError: The budget is spent.
            DskillError: What ``halt`` was given.
        """
        if self._halted is not None:
            raise self._halted
        if self.budget_usd is not None and self.spent_usd >= self.budget_usd:
            raise BudgetError(
                f"the budget of ${self.budget_usd:,.2f} is spent (${self.spent_usd:,.2f}); "
                "the same command with a higher --budget continues, and pays for no answer twice"
            )

    def record(self, model: str, stage: str, usage: Usage, cached: bool) -> None:
        """Counts an answer of the model; ``cached`` says that it came from the cache and costs nothing now.

        Raises:
            OutsideError: The ledger cannot be written.
        """
        with self._lock:
            self._used_usd += self._value(model, usage) or 0.0
            if cached:
                return
            self._ledger.add(model, stage, usage)
            self._usd[model, stage] = self._value(model, self._ledger.paid[model, stage])

    def halt(self, error: DskillError) -> None:
        """Refuses every further request with this error."""
        self._halted = error

    def close(self) -> None:
        """Lets go of the ledger."""
        self._ledger.close()

    @property
    def spent_usd(self) -> float:
        """Paid so far, in this run and in those before it; models without a price are left out."""
        return sum(usd for usd in self._usd.values() if usd is not None)

    @property
    def used_usd(self) -> float:
        """What the answers that this run has used are worth, whether they were paid for now or before."""
        return self._used_usd

    @property
    def paid(self) -> Mapping[Stage, Usage]:
        """Tokens paid for, by model and stage."""
        return self._ledger.paid

    @property
    def costs(self) -> tuple[StageCost, ...]:
        """What was paid for, by model and stage."""
        paid = sorted(self.paid.items())
        return tuple(StageCost(model=m, stage=s, **u._asdict(), usd=self._usd[m, s]) for (m, s), u in paid)

    @property
    def unpriced(self) -> list[str]:
        """Models that were paid for and have no price."""
        return self.prices.unknown([model for model, _ in self.paid])

    def _value(self, model: str, usage: Usage) -> float | None:
        if model not in self._price:
            self._price[model] = self.prices.of(model)
        price = self._price[model]
        return None if price is None else price.usd(usage, batched=model in self._batched)


current_meter: ContextVar[Meter | None] = ContextVar("current_meter", default=None)
