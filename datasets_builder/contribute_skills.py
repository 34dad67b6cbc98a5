"""Checks what a contributed skill or topic says: whether it is new, whether a grader can decide by it."""

import re
from collections.abc import Collection, Iterator, Mapping
from difflib import SequenceMatcher
from itertools import chain

from datasets_builder.contribute_files import Fault
from datasets_builder.contribute_forms import ContributedSkill, ContributedTopic, Place, Spot
from datasets_builder.dedup import NearConfig, find_repeats, normalise
from datasets_builder.skillmix.catalogue import Skill, Topic, check_skill
from datasets_builder.skillmix.errors import UsageError
from datasets_builder.skillmix.rubric import names_a_skill
from datasets_builder.skillmix.sentences import count_sentences

# In the full catalogue no two names are more alike than 0.80 (modus ponens, modus tollens), no two definitions share
# more than 43 % of their words, no two examples more than 33 %.
SAME_NAME = {"skill": 0.85, "topic": 0.9}  # two topics: Blacksmithing and Locksmithing, 0.88
SAME_WORDS = NearConfig(threshold=0.5, words=1)
DEFINITION = (40, 400)  # characters; in the full catalogue 63 to 239
EXAMPLE = (20, 400)  # 38 to 193
NAME = 60
SENTENCES = 2  # of an example
PAGE = re.compile(r"https://[a-z0-9-]+(?:\.[a-z0-9-]+)+/[^\s@?#<>\"]+")


def check_contributed_skill(
    skill: ContributedSkill, spot: Spot, categories: Collection[str], others: Mapping[str, Skill]
) -> Iterator[Fault]:
    """What is wrong with a skill.

    Args:
        skill: The skill.
        spot: Its file.
        categories: Those of the catalogue.
        others: The skills of the catalogue, and what else was contributed.
    """
    try:
        check_skill(skill, categories, {**others, skill.slug: skill}, "")
    except UsageError as error:
        key = next((k for k in ("category", "confused_with") if k in str(error)), "slug")
        listed = f"one of {', '.join(categories)}" if key == "category" else "see dskill catalogue"
        yield spot.fault(key, str(error).removeprefix(": ").removeprefix(f"key {key!r}: "), listed)
    if skill.verifier is not None:
        yield spot.fault("verifier", "names a program", "take it out; programs come by a change to the code")
    yield from _check_name(skill, spot, others, skill.confused_with)
    yield from _check_reference(skill, spot, others)
    yield from _check_lengths(skill, spot)
    yield from _check_examples(skill, spot)
    yield from _check_copies(skill, spot, others)


def check_contributed_topic(topic: ContributedTopic, spot: Spot, others: Mapping[str, Topic]) -> Iterator[Fault]:
    """What is wrong with a topic; ``others`` are those of the catalogue, and what else was contributed."""
    yield from _check_name(topic, spot, others, ())


def _check_name(
    entry: Skill | Topic, spot: Spot, others: Mapping[str, Skill] | Mapping[str, Topic], told_apart: Collection[str]
) -> Iterator[Fault]:
    """A name must be short and not nearly that of another, unless the two are told apart."""
    name, kind = entry.name, "skill" if isinstance(entry, Skill) else "topic"
    if len(name) > NAME or "\n" in name:
        yield spot.fault("name", f"has {len(name)} characters", f"a name is one line of at most {NAME}")
    if entry.slug in others:
        yield spot.fault("slug", f"{entry.slug!r} is a {kind} of the catalogue", "choose another, and rename the file")
        return
    for slug, other in others.items():
        if slug not in told_apart and alike(name, other.name) >= SAME_NAME[kind]:
            apart = f", or tell the two apart: confused_with: {{{slug}: ...}}" if kind == "skill" else ""
            yield spot.fault("name", f"{name!r} is nearly {other.name!r}, a {kind} already", f"choose another{apart}")
            return


def alike(name: str, other: str) -> float:
    """How alike two names are, 0.0 to 1.0, in any order of their words; what stands in brackets does not count."""
    plain = [normalise(one.split("(")[0]).replace("-", " ") for one in (name, other)]
    ordered = [" ".join(sorted(one.split())) for one in plain]
    return max(SequenceMatcher(a=one, b=two, autojunk=False).ratio() for one, two in (plain, ordered))


def _check_reference(skill: ContributedSkill, spot: Spot, others: Mapping[str, Skill]) -> Iterator[Fault]:
    if not PAGE.fullmatch(skill.reference):
        yield spot.fault("reference", "is no page", "give the https address of one that explains the skill")
    elif same := [slug for slug, other in others.items() if other.reference == skill.reference]:
        yield spot.fault("reference", f"is the page of {same[0]!r}", "is the skill in the catalogue already?")


def _check_lengths(skill: ContributedSkill, spot: Spot) -> Iterator[Fault]:
    definition: tuple[Place, str] = ("definition",), skill.definition
    for key, text in (definition, *_texts_of(skill)):
        least, most = DEFINITION if key == ("definition",) else EXAMPLE
        if not least <= len(text) <= most:
            yield spot.fault(key, f"has {len(text)} characters", f"write {least} to {most}")
        elif not re.search(r"[.?!…][\"'”’)]*$", text):
            yield spot.fault(key, "does not end like a sentence", "write whole sentences")


def _check_examples(skill: ContributedSkill, spot: Spot) -> Iterator[Fault]:
    """A grader learns from examples what to look for: they show the skill, do not name it, and are short."""
    counts = [count_sentences(text) for text in skill.examples]
    for i, count in enumerate(counts):
        if count > SENTENCES:
            yield spot.fault(("examples", i), f"has {count} sentences", f"write {SENTENCES} at most")
    if 1 not in counts:
        yield spot.fault("examples", "none is a single sentence", "show the skill in one sentence at least once")
    for place, text in _texts_of(skill):
        if names_a_skill(text, [skill.name]):
            yield spot.fault(place, "names the skill", "show it without its name")


def _check_copies(skill: ContributedSkill, spot: Spot, others: Mapping[str, Skill]) -> Iterator[Fault]:
    """No text may be another's, or nearly: neither of another skill nor of this one."""
    definitions = [(slug, other.definition) for slug, other in others.items()]
    told_apart = frozenset(skill.confused_with)
    for place, slug, same in _copies([(("definition",), skill.definition)], definitions):
        if same or slug not in told_apart:
            cure = "write your own" if same else f"write your own, or tell them apart: confused_with: {{{slug}: ...}}"
            yield spot.fault(place, f"{'is' if same else 'is nearly'} the definition of {slug!r}", cure)
    theirs = [(slug, text) for slug, other in others.items() for _, text in _texts_of(other)]
    for place, slug, same in _copies(_texts_of(skill), theirs):
        if place[0] == "near_miss" and slug == "" and not same:
            continue  # an example with one thing other is the best near miss
        whose = "another example of this skill" if slug == "" else f"a text of {slug!r}"
        yield spot.fault(place, f"{'is' if same else 'is nearly'} {whose}", "write one of your own")


def _texts_of(skill: Skill) -> list[tuple[Place, str]]:
    """What a person would read as a text of its own: the examples and the near miss."""
    examples: list[tuple[Place, str]] = [(("examples", i), text) for i, text in enumerate(skill.examples)]
    return [*examples, (("near_miss", "text"), skill.near_miss.text)]


def _copies(mine: list[tuple[Place, str]], theirs: list[tuple[str, str]]) -> Iterator[tuple[Place, str, bool]]:
    """My texts that repeat an earlier one: their place, whose that is ("" for mine), whether it is the very same."""
    texts = [text for _, text in chain(theirs, mine)]
    ids = [f"{i:06d}" for i in range(len(texts))]
    for (place, _), repeat in zip(mine, find_repeats(ids, texts, SAME_WORDS)[len(theirs) :], strict=True):
        if repeat:
            whose = theirs[repeat.place][0] if repeat.place < len(theirs) else ""
            yield place, whose, repeat.similarity is None
