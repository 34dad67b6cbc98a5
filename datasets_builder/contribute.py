"""``dskill check``: judges contributions. No code of a contributor is run, and every fault is one line with its cure.

contrib/skills/pleonasm.yml:4: definition: is nearly the definition of 'epizeuxis'; write your own, or tell them ...
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from datasets_builder.contribute_files import Contribution, Fault, changed_since, find_contributions, read_bytes, show
from datasets_builder.contribute_forms import (
    BASE,
    ContributedSkill,
    ContributedTopic,
    GradedFile,
    Spot,
    Unreadable,
    read_yaml_form,
)
from datasets_builder.contribute_skills import check_contributed_skill, check_contributed_topic
from datasets_builder.skillmix.catalogue import SHIPPED, Catalogue, load_catalogue
from datasets_builder.skillmix.errors import OutsideError

if TYPE_CHECKING:
    from datasets_builder.contribute_texts import Release

COMMUNITY = "community"  # the catalogue that they join, with them
Entry = TypeVar("Entry", ContributedSkill, ContributedTopic)


class Verdict(NamedTuple):
    """What a check found."""

    checked: list[Contribution]
    faults: list[Fault]
    notes: list[str]
    graded: dict[Contribution, GradedFile]

    def as_json(self) -> str:
        """For a program."""
        names = [f"{one.kind}/{one.slug}" for one in self.checked]
        faults = [fault._asdict() for fault in self.faults]
        return json.dumps({"checked": names, "faults": faults, "notes": self.notes}, indent=2)

    def __str__(self) -> str:
        """For a person."""
        texts = sum(len(graded.texts) for graded in self.graded.values())
        counted = _count(len(self.checked), "contribution") + (f" with {_count(texts, 'text')}" if texts else "")
        end = _count(len(self.faults), "fault") if self.faults else "no fault"
        return "\n".join([*map(str, self.faults), *(f"note: {note}" for note in self.notes), f"{counted}: {end}"])


def check(
    paths: Sequence[Path], *, base: str | None = None, against: Path | None = None, grader: str | None = None
) -> Verdict:
    """Checks the contributions in files and folders.

    Args:
        paths: Files and folders.
        base: A git revision: only files that are new or other than there.
        against: A finished dataset that texts must neither repeat nor leak.
        grader: Grades texts anew; the catalogue's own program by default.

    Raises:
        UsageError: A path, revision, dataset or grader does not exist.
        OutsideError: A file cannot be read, or a model cannot be asked.
    """
    found, faults = find_contributions(changed_since(base, paths) if base else paths)
    checker, verdict = Checker(against, grader), Verdict(found, faults, [], {})
    for contribution in found:
        try:
            faults += checker.check(contribution, verdict)
        except Unreadable as error:
            faults += error.faults
    return verdict


@cache
def shipped(name: str) -> Catalogue:
    """A shipped catalogue; by its place, so that no folder in the way can stand in for it."""
    return load_catalogue(SHIPPED / name)


class Root:
    """A folder of contributions, with the catalogue that its skills and topics join."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @cached_property
    def base(self) -> Catalogue:
        """The shipped catalogue."""
        return shipped(BASE)

    @cached_property
    def skills(self) -> dict[str, ContributedSkill]:
        """The contributed skills, by slug; those that cannot be read are faults of their own."""
        return dict(_readable(ContributedSkill, self.folder / "skills"))

    @cached_property
    def topics(self) -> dict[str, ContributedTopic]:
        """The contributed topics, by slug."""
        return dict(_readable(ContributedTopic, self.folder / "topics"))

    @cached_property
    def catalogues(self) -> dict[str, Catalogue]:
        """Those that texts may be of: the shipped ones, and that with the contributions."""
        known = {path.parent.name: shipped(path.parent.name) for path in sorted(SHIPPED.glob("*/catalogue.yml"))}
        skills, topics = {**self.skills, **self.base.skills}, {**self.topics, **self.base.topics}
        sound = {slug: skill for slug, skill in skills.items() if skill.category in self.base.about.categories}
        about = self.base.about.model_copy(update={"name": COMMUNITY})
        return {**known, COMMUNITY: Catalogue(about, sound, topics)}


class Checker:
    """Checks one contribution after the other; what they have in common is read once."""

    def __init__(self, against: Path | None, grader: str | None) -> None:
        self.grader, self.roots = grader, dict[Path, Root]()
        self.release = _read_release(against) if against else None

    def check(self, contribution: Contribution, verdict: Verdict) -> list[Fault]:
        """Its faults; texts that have none are entered in the verdict."""
        root = self.roots.setdefault(contribution.root, Root(contribution.root))
        if contribution.kind == "skills":
            skill, spot = _read(ContributedSkill, contribution)
            others = {slug: other for slug, other in root.skills.items() if slug != contribution.slug}
            return list(
                check_contributed_skill(skill, spot, root.base.about.categories, others | dict(root.base.skills))
            )
        if contribution.kind == "topics":
            topic, spot = _read(ContributedTopic, contribution)
            known = {slug: other for slug, other in root.topics.items() if slug != contribution.slug}
            return list(check_contributed_topic(topic, spot, known | dict(root.base.topics)))
        return self._check_texts(contribution, root.catalogues, verdict)

    def _check_texts(
        self, contribution: Contribution, catalogues: Mapping[str, Catalogue], verdict: Verdict
    ) -> list[Fault]:
        from datasets_builder.contribute_regrade import grade_anew  # a skill's check needs neither polars nor pyarrow
        from datasets_builder.contribute_shards import read_graded, read_shard
        from datasets_builder.contribute_texts import check_graded

        shard = contribution.kind == "data"
        graded = read_shard(contribution, catalogues) if shard else read_graded(contribution.files[0])
        if faults := list(check_graded(graded, catalogues, self.release)):
            return faults
        faults, note = grade_anew(graded, catalogues[graded.header.catalogue], self.grader)
        verdict.notes.append(note)
        if not faults:
            verdict.graded[contribution] = graded
        return faults


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _read_release(folder: Path) -> "Release":
    from datasets_builder.contribute_texts import Release

    return Release(folder)


def _read(model: type[Entry], contribution: Contribution) -> tuple[Entry, Spot]:
    """A skill or topic by its form; its slug is the name of its file."""
    (path,) = contribution.files
    entry, spot = read_yaml_form(model, read_bytes(path), show(path))
    if entry.slug != contribution.slug:
        fault = spot.fault("slug", f"is {entry.slug!r}, but the file is named {contribution.slug!r}", "make them equal")
        raise Unreadable(fault)
    return entry, spot


def _readable(model: type[Entry], folder: Path) -> Iterator[tuple[str, Entry]]:
    """The entries of a folder that can be read."""
    for contribution in find_contributions([folder])[0] if folder.is_dir() and not folder.is_symlink() else ():
        try:
            yield contribution.slug, _read(model, contribution)[0]
        except (Unreadable, OutsideError):
            continue
