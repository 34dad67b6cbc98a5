"""Skills and topics: one YAML file each, read and checked, and their split into train and held-out.

A catalogue is a folder: ``catalogue.yml``, ``skills/<slug>.yml``, ``topics/<slug>.yml``. See catalogue/miniature.
``extends: full`` adds its own to those of a shipped one; so does contrib/, the catalogue of what was contributed.
"""

import hashlib
import json
import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, TypeVar, get_args

from pydantic import Field

from datasets_builder.skillmix.config import Strict, read_config
from datasets_builder.skillmix.errors import UsageError, near
from datasets_builder.skillmix.rubric import GENERAL

SHIPPED = Path(__file__).resolve().parent.parent / "catalogue"

Side = Literal["train", "held-out"]
Split = Literal["train", "held-out", "all"]
Slug = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,63}$")]
Text = Annotated[str, Field(min_length=1, max_length=2000)]


class Contributed(Strict):
    """What a contributed file says besides: where it is from and who answers for it. The task does not depend on it."""

    source: Text | None = Field(default=None, exclude=True)
    signed_off_by: Text | None = Field(default=None, exclude=True)


class NearMiss(Strict):
    """A text that looks like the skill and is not, with the reason."""

    text: Text
    reason: Text


class Skill(Contributed):
    """One language skill, as its YAML file has it.

    ``common``: it is in every other text anyway. ``confused_with``: skills easily taken for it, with the difference.
    """

    name: Text
    slug: Slug
    category: Text
    definition: Text
    examples: tuple[Text, ...] = Field(min_length=3)
    near_miss: NearMiss
    reference: Text
    licence: Literal["CC-BY-4.0"]
    common: bool = False
    confused_with: dict[Slug, Text] = Field(default_factory=dict)
    verifier: str | None = None


class Topic(Contributed):
    """One topic of texts."""

    name: Text
    slug: Slug
    split: Side
    licence: Literal["CC-BY-4.0"]


class CatalogueFile(Strict):
    """``catalogue.yml``: what the catalogue is, and on which side each category of skills stands."""

    name: Slug
    description: Text
    categories: dict[str, Side]
    prompts: Slug
    grader: Slug | None = None
    extends: Slug | None = Field(default=None, exclude=True)


class PartitionConfig(Strict):
    """How skills are split: as the catalogue has it by category, or by a seed, to see whether a result holds there too.

    ``random`` deals single skills, exactly ``train`` of them to train. ``categories`` deals whole categories, each to
    train as long as it fits into ``train`` skills. ``common: false`` then leaves the common skills out of both sides.
    """

    by: Literal["category", "random", "categories"] = "category"
    train: int | None = Field(default=None, ge=1)
    seed: int = 0
    common: bool = True


@dataclass(frozen=True)
class Partition:
    """Skill and topic slugs by side; every list is sorted, so it depends on the catalogue alone."""

    skills_by_side: Mapping[str, tuple[str, ...]]
    topics_by_side: Mapping[str, tuple[str, ...]]

    def skills(self, split: Split) -> tuple[str, ...]:
        """Slugs of the skills on one side, or of all."""
        return _pick(self.skills_by_side, split)

    def topics(self, split: Split) -> tuple[str, ...]:
        """Slugs of the topics on one side, or of all."""
        return _pick(self.topics_by_side, split)


@dataclass(frozen=True)
class Catalogue:
    """All skills and topics of one catalogue, by slug."""

    about: CatalogueFile
    skills: Mapping[str, Skill]
    topics: Mapping[str, Topic]

    def names_of(self, skills: Sequence[str]) -> tuple[str, ...]:
        """Names of the skills: what a text that is asked to show them may not say.

        Other skills' names may stand in it: "accident", "paradox" and "inertia" are plain words of English.
        """
        return tuple(self.skills[slug].name for slug in skills)

    def partition(self, config: PartitionConfig | None = None) -> Partition:
        """Splits the skills by category or by a seed; topics stand where their files put them.

        Raises:
            UsageError: A split by a seed that leaves no skill on one side.
        """
        config = config or PartitionConfig()
        topics = {side: tuple(t.slug for t in self.topics.values() if t.split == side) for side in get_args(Side)}
        if config.by == "random":
            sides = _split_at_random(sorted(self.skills), config)
        elif config.by == "categories":
            sides = self._split_by_category(_deal_categories(self._sizes(), config))
        else:
            sides = self._split_by_category(self.about.categories)
        if not config.common:
            sides = {side: tuple(s for s in slugs if not self.skills[s].common) for side, slugs in sides.items()}
        return Partition(sides, topics)

    def check(self, slugs: Iterable[str], kind: Literal["skill", "topic"], where: str) -> None:
        """Raises a UsageError for the first slug that is not in the catalogue, with its near match."""
        known = self.skills if kind == "skill" else self.topics
        for slug in slugs:
            if slug not in known:
                raise UsageError(f"{where}: unknown {kind} {slug!r}{near(slug, known)}")

    def _sizes(self) -> Counter[str]:
        """How many skills each category has."""
        return Counter(skill.category for skill in self.skills.values())

    def _split_by_category(self, side_of: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
        skills = self.skills.values()
        return {side: tuple(k.slug for k in skills if side_of[k.category] == side) for side in get_args(Side)}


def hash_catalogue(catalogue: Catalogue) -> str:
    """12 hex digits that name the content of a catalogue, wherever it lies."""
    entries = (catalogue.about, *catalogue.skills.values(), *catalogue.topics.values())
    content = [entry.model_dump() for entry in entries]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]


def load_catalogue(name: str | Path) -> Catalogue:
    """A shipped catalogue by its name, or any catalogue by its folder.

    Raises:
        UsageError: The folder or a file is missing, broken or inconsistent; the message names the file.
    """
    own = (Path(name) / "catalogue.yml").is_file()  # not any folder that bears the name of a catalogue
    folder = Path(name) if own else SHIPPED / str(name)
    if not (folder / "catalogue.yml").is_file():
        shipped = sorted(p.parent.name for p in SHIPPED.glob("*/catalogue.yml"))
        raise UsageError(
            f"no catalogue {str(name)!r}{near(str(name), shipped)} (shipped: {', '.join(shipped)}; or give a folder)"
        )
    about = read_config(CatalogueFile, folder / "catalogue.yml")
    base = load_catalogue(SHIPPED / about.extends) if about.extends else Catalogue(about, {}, {})
    categories = {**base.about.categories, **about.categories}
    skills = _read_all(Skill, folder / "skills", base.skills)
    topics = _read_all(Topic, folder / "topics", base.topics)
    for slug, skill in skills.items():
        if slug not in base.skills:
            check_skill(skill, categories, skills, f"{folder}/skills/{slug}.yml")
    return Catalogue(about.model_copy(update={"categories": categories}), skills, topics)


def check_skill(skill: Skill, categories: Iterable[str], skills: Mapping[str, Skill], where: str) -> None:
    """Raises a UsageError for a skill that does not fit into a catalogue of these categories and skills."""
    if skill.slug in GENERAL:
        raise UsageError(f"{where}: {skill.slug!r} is a criterion of every text; choose another slug")
    if skill.category not in categories:
        raise UsageError(f"{where}: unknown category {skill.category!r}{near(skill.category, categories)}")
    _check_confused(skill, skills, f"{where}: key 'confused_with'")


Entry = TypeVar("Entry", Skill, Topic)


def _read_all(model: type[Entry], folder: Path, base: Mapping[str, Entry]) -> dict[str, Entry]:
    entries = dict(base)
    for path in sorted(folder.glob("*.yml")):
        entry = read_config(model, path)
        if entry.slug != path.stem:
            raise UsageError(
                f"{path}: key 'slug' is {entry.slug!r}, but the file is named {path.stem!r}; make them equal"
            )
        if entry.slug in base:
            raise UsageError(f"{path}: {entry.slug!r} is in the catalogue that this one extends; choose another slug")
        entries[entry.slug] = entry
    if not entries:
        raise UsageError(f"{folder}: no *.yml file here; a catalogue needs at least one")
    return entries


def _check_confused(skill: Skill, skills: Mapping[str, Skill], where: str) -> None:
    """Both of two confusable skills must name the other, so that whoever reads one meets the difference.

    A contribution is one file, which cannot change another's: it alone names the other.
    """
    for other in skill.confused_with:
        if other not in skills:
            raise UsageError(f"{where}: unknown skill {other!r}{near(other, skills)}")
        if other == skill.slug:
            raise UsageError(f"{where}: {other!r} is this skill itself; name another, or drop the key")
        if skill.slug not in skills[other].confused_with and not skill.signed_off_by:
            raise UsageError(f"{where}: names {other!r}, but {other}.yml does not name {skill.slug!r}; add it there")


def _pick(by_side: Mapping[str, Sequence[str]], split: Split) -> tuple[str, ...]:
    return tuple(sorted(s for side in by_side.values() for s in side)) if split == "all" else tuple(by_side[split])


def _split_at_random(slugs: list[str], config: PartitionConfig) -> dict[str, tuple[str, ...]]:
    train = _check_train(config, len(slugs))
    shuffled = random.Random(f"partition {config.seed}").sample(slugs, len(slugs))
    return {"train": tuple(sorted(shuffled[:train])), "held-out": tuple(sorted(shuffled[train:]))}


def _deal_categories(sizes: Mapping[str, int], config: PartitionConfig) -> dict[str, Side]:
    """Deals the categories in the order that the seed shuffles them into."""
    left = _check_train(config, sum(sizes.values()))
    if left < min(sizes.values()):
        raise UsageError(f"key 'partition.train': no category has {left} skills or fewer; ask for more train skills")
    side_of: dict[str, Side] = {}
    for category in random.Random(f"categories {config.seed}").sample(sorted(sizes), len(sizes)):
        fits = sizes[category] <= left
        side_of[category] = "train" if fits else "held-out"
        left -= sizes[category] if fits else 0
    return side_of


def _check_train(config: PartitionConfig, skills: int) -> int:
    if config.train is None or config.train >= skills:
        raise UsageError(
            f"key 'partition.train': a random split needs 1 to {skills - 1} train skills, got {config.train}"
        )
    return config.train
