"""Lists a catalogue for a person or a program: its skills by side and category, its topics by side, and counts.

Example: ``show_listing(list_catalogue(load_catalogue("miniature")), width=80)``.
"""

import textwrap
from collections.abc import Iterator
from typing import NamedTuple, get_args

from datasets_builder.skillmix.catalogue import Catalogue, PartitionConfig, Side, Skill, Split, Topic


class ListedSkill(NamedTuple):
    """A skill, and the side that the chosen split puts it on."""

    split: Side
    skill: Skill


class Listing(NamedTuple):
    """What is shown of a catalogue, in the order it is shown."""

    name: str
    description: str
    partition: PartitionConfig
    skills: list[ListedSkill]
    topics: list[Topic]


def list_catalogue(catalogue: Catalogue, partition: PartitionConfig | None = None, split: Split = "all") -> Listing:
    """The skills and topics on one side, or on both, by side, then in the order of the categories, then by name.

    Raises:
        UsageError: A split by a seed that leaves no skill on one side.
    """
    partition = partition or PartitionConfig()
    sides = catalogue.partition(partition)
    order = list(catalogue.about.categories)
    wanted: tuple[Side, ...] = get_args(Side) if split == "all" else (split,)
    skills = [ListedSkill(side, catalogue.skills[slug]) for side in wanted for slug in sides.skills(side)]
    skills.sort(key=lambda s: (wanted.index(s.split), order.index(s.skill.category), s.skill.name.lower()))
    topics = [catalogue.topics[slug] for side in wanted for slug in sides.topics(side)]
    return Listing(catalogue.about.name, catalogue.about.description, partition, skills, topics)


def dump_listing(listing: Listing) -> dict[str, object]:
    """The listing as plain data, for ``--json``."""
    return {
        "name": listing.name,
        "description": listing.description,
        "partition": listing.partition.model_dump(),
        "counts": {
            "skills": {side: sum(s.split == side for s in listing.skills) for side in get_args(Side)},
            "common": sum(s.skill.common for s in listing.skills),
            "topics": {side: sum(t.split == side for t in listing.topics) for side in get_args(Side)},
        },
        "skills": [
            {"slug": s.skill.slug, "name": s.skill.name, "category": s.skill.category, "split": s.split}
            | {"common": s.skill.common, "definition": s.skill.definition, "reference": s.skill.reference}
            for s in listing.skills
        ],
        "topics": [{"slug": t.slug, "name": t.name, "split": t.split} for t in listing.topics],
    }


def show_listing(listing: Listing, width: int = 100) -> str:
    """The listing as text for a terminal; what a contributor's file could send to it is made visible instead."""
    return "\n".join(map(printable, _lines(listing, width)))


def printable(line: str) -> str:
    """A line that can do nothing to a terminal: each character that is not printed is a question mark."""
    return "".join(c if c.isprintable() else "?" for c in line)


def _lines(listing: Listing, width: int) -> Iterator[str]:
    yield from textwrap.wrap(f"{listing.name}: {' '.join(listing.description.split())}", width, break_on_hyphens=False)
    by = listing.partition
    how = "by category" if by.by == "category" else f"{by.by}, train {by.train}, seed {by.seed}"
    yield f"split: {how}" + ("" if by.common else ", without common skills")
    for side in get_args(Side):
        skills = [s.skill for s in listing.skills if s.split == side]
        topics = [t.name for t in listing.topics if t.split == side]
        if not skills and not topics:
            continue
        yield from ("", f"{side}: {len(skills)} skills, {len(topics)} topics")
        for category in dict.fromkeys(skill.category for skill in skills):
            names = [skill.name + "*" * skill.common for skill in skills if skill.category == category]
            yield from _paragraph(f"{category} ({len(names)})", names, width)
        yield from _paragraph(f"topics ({len(topics)})", topics, width)
    if common := sum(s.skill.common for s in listing.skills):
        yield from ("", f"* common: in every other text anyway ({common} skills)")


def _paragraph(title: str, names: list[str], width: int) -> list[str]:
    """A title, and the names under it, filled into lines."""
    indent = "    "
    filled = textwrap.wrap(
        ", ".join(names), width, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False
    )
    return [f"  {title}", *filled]
