"""What the page shows next and saves: no state of its own, so any process goes on where another stopped."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, NamedTuple

import polars as pl
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from pydantic import Field, StrictBool

from datasets_builder.skillmix.config import Strict
from datasets_builder.skillmix.errors import UsageError
from eval_harness.human.labels import append_labels, check_annotator, latest, read_saved
from eval_harness.human.plan import COUNTED, Item, Plan

HERE = Path(__file__).resolve().parent
DAY = 86_400.0  # seconds


class Answer(Strict):
    """What a person sends on one text; None for unsure."""

    annotator: str
    item: str
    marks: dict[str, StrictBool | None]
    note: Annotated[str, Field(max_length=2000)] = ""
    seconds: Annotated[float, Field(ge=0, le=DAY, allow_inf_nan=False)] = 0.0


class Place(Strict):
    """Where a person is: what the page sends to begin, and to go back."""

    annotator: str
    item: str | None = None


class Screen(NamedTuple):
    """What the page shows: HTML with every text escaped, and the item it asks for, or None when all are done."""

    annotator: str
    item: str | None
    html: str


class Desk:
    """The plan and the labels of everybody, as one annotator after another meets them."""

    def __init__(self, plan: Plan, folder: Path, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        """Labels are read from and saved into ``folder``."""
        self.plan, self.folder, self._clock = plan, folder, clock
        self._items = {item.item: item for item in plan.items}
        screens = Environment(
            loader=FileSystemLoader(HERE), undefined=StrictUndefined, autoescape=True, trim_blocks=True
        )
        self._template = screens.get_template("screen.html")

    def open(self, annotator: str) -> Screen:
        """The first text in the annotator's order that waits for a mark.

        Raises:
            UsageError: A name that no file can bear, or a broken file of labels.
        """
        annotator = check_annotator(annotator)
        saved = self._saved()
        waiting = self._waiting(annotator, saved)
        return self._screen(annotator, waiting[0] if waiting else None, saved)

    def save(self, answer: Answer) -> Screen:
        """Saves the marks of one text; then the text after it, which is a new one except on the way back.

        Raises:
            UsageError: An item that the plan does not have, or marks that are not those it asks for.
            OutsideError: The labels cannot be written.
        """
        annotator, item = check_annotator(answer.annotator), self._find(answer.item)
        if set(answer.marks) != set(item.asked):
            raise UsageError(f"need marks for {', '.join(item.asked)}; got {', '.join(answer.marks)[:200] or 'none'}")
        append_labels(self.folder, annotator, self._rows(annotator, item, answer))
        history = self._history(annotator, self._saved())
        after = history.index(item.item) + 1
        return self.revisit(annotator, history[after]) if after < len(history) else self.open(annotator)

    def back(self, place: Place) -> Screen:
        """The text that the annotator marked before this one; the first one stays where it is."""
        annotator = check_annotator(place.annotator)
        history = self._history(annotator, self._saved())
        if not history:
            return self.open(annotator)
        now = history.index(place.item) if place.item in history else len(history)
        return self.revisit(annotator, history[max(0, now - 1)])

    def revisit(self, annotator: str, item: str) -> Screen:
        """A text, with the marks and the note that the annotator gave it.

        Raises:
            UsageError: An item that the plan does not have.
        """
        return self._screen(check_annotator(annotator), self._find(item), self._saved())

    def _saved(self) -> pl.DataFrame:
        """All that was saved on the texts of this plan."""
        return read_saved(self.folder).filter(pl.col("item").is_in(list(self._items)))

    def _find(self, item: str) -> Item:
        if item not in self._items:
            raise UsageError(f"item {item!r:.40}: not a text of this plan; load the page again")
        return self._items[item]

    def _history(self, annotator: str, saved: pl.DataFrame) -> list[str]:
        """The annotator's texts, in the order in which they were first saved."""
        own = saved.filter(pl.col("annotator") == annotator)
        return own["item"].unique(maintain_order=True).to_list()

    def _waiting(self, annotator: str, saved: pl.DataFrame) -> list[Item]:
        """Texts to come: not marked by this annotator, nor, unless everybody marks them, by anybody else."""
        own = set(self._history(annotator, saved))
        taken = set(saved["item"])
        return [
            item
            for item in self.plan.order(annotator)
            if item.item not in own and (item.shared or item.item not in taken)
        ]

    def _rows(self, annotator: str, item: Item, answer: Answer) -> list[dict[str, object]]:
        every = {
            "item": item.item,
            "combination": item.combination,
            "generation": item.generation,
            "split": item.split,
            "k": item.k,
            "annotator": annotator,
            "seconds": answer.seconds,
            "labelled_at": self._clock().isoformat(timespec="milliseconds"),
            "note": answer.note.strip(),
        }
        marks = {**answer.marks, COUNTED: item.sentences <= item.limit}
        return [every | {"criterion": criterion, "mark": mark} for criterion, mark in marks.items()]

    def _screen(self, annotator: str, item: Item | None, saved: pl.DataFrame) -> Screen:
        done = len(self._history(annotator, saved))
        own = latest(saved).filter((pl.col("annotator") == annotator) & (pl.col("item") == (item.item if item else "")))
        html = self._template.render(
            annotator=annotator,
            item=item,
            skills=self.plan.skills,
            done=done,
            total=done + len(self._waiting(annotator, saved)),
            marks=dict(own.select("criterion", "mark").iter_rows()),
            note=own["note"][-1] if len(own) else "",
        )
        return Screen(annotator, item.item if item else None, html)
