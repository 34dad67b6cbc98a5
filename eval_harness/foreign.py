"""Texts that another harness drew, wrote and graded, under its own names: what the readers of records hand over.

Example: skills ("folk physics (common knowledge physics)", "metaphor") on "The Ottoman Empire" become the slugs
folk-physics and metaphor on the-ottoman-empire, which a catalogue may or may not have.
"""

import re
from collections.abc import Iterable
from typing import Literal, NamedTuple

from datasets_builder.skillmix.catalogue import Catalogue, Split
from datasets_builder.skillmix.errors import UsageError
from datasets_builder.skillmix.rubric import GENERAL

Length = Literal["counted", "recorded"]  # who decides the length criterion: our sentence counter, or the records

_NOT_A_SLUG = re.compile(r"[^a-z0-9]+")
_SLUG = re.compile(r"[a-z][a-z0-9-]{0,63}")


class ForeignText(NamedTuple):
    """One graded text. ``votes`` stand in the order of its skills, then topic, sense, length; None is unreadable."""

    place: str  # file and row, for messages
    key: str  # texts of one combination share it
    split: Split
    generation: int  # from 1
    skills: tuple[str, ...]
    topic: str
    text: str
    votes: tuple[tuple[bool, ...] | None, ...]
    too_long: bool | None  # as recorded, where it was


class Records(NamedTuple):
    """All texts of one model, graded by one grader."""

    model: str
    grader: str
    texts: tuple[ForeignText, ...]
    votes: int
    generations: int
    prompts: str  # what is known of the prompts' version
    revise: bool
    seed: int | None
    note: str  # what is unknown, and what is wrong with the records


def slugs_of(names: Iterable[str], kind: Literal["skill", "topic"], catalogue: Catalogue | None) -> dict[str, str]:
    """The slug of each name; what a name has in brackets is an explanation.

    Raises:
        UsageError: Two names share a slug, a name has none, or the catalogue does not know it.
    """
    entries = () if catalogue is None else (catalogue.skills if kind == "skill" else catalogue.topics).values()
    known = {_slug(entry.name): entry.slug for entry in entries}
    slugs: dict[str, str] = {}
    owner: dict[str, str] = {}
    for name in dict.fromkeys(names):
        slug = known.get(_slug(name), _slug(name))
        if not _SLUG.fullmatch(slug) or slug in GENERAL:
            raise UsageError(f"{kind} {name!r:.80} makes no slug (a-z first, at most 64 characters, not {GENERAL})")
        if slug in owner:
            raise UsageError(f"{kind}s {owner[slug]!r:.80} and {name!r:.80} share the slug {slug!r}; rename one")
        slugs[name], owner[slug] = slug, name
    if catalogue is not None:
        catalogue.check(slugs.values(), kind, f"--catalogue {catalogue.about.name}")
    return slugs


def _slug(name: str) -> str:
    return _NOT_A_SLUG.sub("-", name.split("(")[0].lower()).strip("-")
