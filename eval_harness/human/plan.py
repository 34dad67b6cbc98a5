"""Which texts people mark, in which order: drawn once, kept beside the labels, and blind.

``plan.json`` holds the texts with what the page shows of them, and nothing about who wrote or graded them.
"""

import os
import random
from pathlib import Path

from pydantic import ValidationError

from datasets_builder.skillmix.catalogue import Skill, Slug, Split
from datasets_builder.skillmix.config import Strict
from datasets_builder.skillmix.errors import ResumeError, UsageError
from datasets_builder.skillmix.rubric import GENERAL

COUNTED = "length"  # the criterion that a program decides
FILE = "plan.json"


class Item(Strict):
    """One text, with its request."""

    item: str  # labels.item_id
    split: Split
    k: int
    combination: str
    generation: int
    skills: tuple[Slug, ...]
    topic: str  # its name
    text: str
    sentences: int
    limit: int  # sentences that the text may have
    shared: bool  # every annotator marks it

    @property
    def asked(self) -> tuple[str, ...]:
        """The criteria that a person decides: all but the length."""
        return (*self.skills, *(name for name in GENERAL if name != COUNTED))


class Plan(Strict):
    """The texts to mark, in an order that tells nothing; of the others each is marked by whoever comes to it first."""

    n: int  # as asked for: a smaller run gives all its texts
    seed: int
    overlap: float  # share of the texts that every annotator marks
    skills: dict[Slug, Skill]  # those of the texts, and those that they are confused with
    items: tuple[Item, ...]

    def order(self, annotator: str) -> list[Item]:
        """All texts in the annotator's own random order, the same at every start."""
        return random.Random(f"order {self.seed} {annotator}").sample(self.items, len(self.items))


def keep_plan(plan: Plan, folder: Path) -> Plan:
    """Writes the plan into the folder of the labels, or makes sure that this very plan is there.

    Raises:
        ResumeError: The folder holds another plan; the message names the first difference.
    """
    path = folder / FILE
    if path.exists():
        found = read_plan(path)
        if other := [key for key in Plan.model_fields if getattr(found, key) != getattr(plan, key)]:
            raise ResumeError(f"{path}: {_differs(found, plan, other[0])}; go on as begun, or give another --out")
    else:
        folder.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        part.write_text(plan.model_dump_json(indent=1), encoding="utf-8")
        os.replace(part, path)
    return plan


def read_plan(path: Path) -> Plan:
    """A plan as ``keep_plan`` wrote it.

    Raises:
        UsageError: No such file, or not a plan of this version.
    """
    try:
        return Plan.model_validate_json(path.read_bytes())
    except OSError:
        raise UsageError(f"{path}: no such plan; dskill annotate writes it") from None
    except ValidationError:
        raise UsageError(f"{path}: not a plan of this version; move it and its labels away to begin anew") from None


def _differs(found: Plan, plan: Plan, key: str) -> str:
    if key == "skills":
        return "the labels here were begun with other definitions of the skills"
    if key == "items":
        return "the labels here are of other texts"
    return f"the labels here were begun with --{key} {getattr(found, key)}, now {getattr(plan, key)}"
