"""The full catalogue: its sizes and published names, and what every entry must keep for a grader to decide by it."""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import combinations

import pytest

from datasets_builder.skillmix.catalogue import PartitionConfig, Skill, load_catalogue
from datasets_builder.skillmix.rubric import names_a_skill
from datasets_builder.skillmix.sentences import count_sentences

CATALOGUE = load_catalogue("full")
SKILLS = sorted(CATALOGUE.skills)
PUBLISHED_TRAIN = {
    *("accident (fallacy)", "red herring", "metaphor"),
    "complex question (loaded question with implicit assumption)",
}
PUBLISHED_HELD_OUT = {
    "self serving bias",
    "spatial reasoning",
    "modus ponens",
    "statistical syllogism",
    "emotional self regulation",
    "folk physics (common knowledge physics)",
}
PUBLISHED_TOPICS = {
    *("Sewing", "Dueling", "The Ottoman Empire", "Urbanism", "Beekeeping"),
    *("Survivalism", "Guerilla warfare", "Triathlons", "Gardening", "Knots"),
}
MAX_OVERLAP = 0.5  # share of words in common, at which one text may have been made from the other


def words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"[a-z]+", text.lower()))


def overlap(a: frozenset[str], b: frozenset[str]) -> float:
    """Jaccard index of two sets of words."""
    return len(a & b) / len(a | b)


def texts(skill: Skill) -> tuple[str, ...]:
    """What a person would read as a text of its own: the examples and the near miss."""
    return (*skill.examples, skill.near_miss.text)


def confusions() -> Iterator[tuple[str, str]]:
    return ((slug, other) for slug in SKILLS for other in CATALOGUE.skills[slug].confused_with)


def test_there_are_101_skills_53_and_48() -> None:
    partition = CATALOGUE.partition()
    assert [len(partition.skills(side)) for side in ("train", "held-out", "all")] == [53, 48, 101]
    assert len({skill.name.lower() for skill in CATALOGUE.skills.values()}) == 101


def test_there_are_100_topics_70_and_30() -> None:
    partition = CATALOGUE.partition()
    assert [len(partition.topics(side)) for side in ("train", "held-out", "all")] == [70, 30, 100]
    assert len({topic.name.lower() for topic in CATALOGUE.topics.values()}) == 100


def test_train_is_literary_and_rhetorical_and_no_category_is_empty() -> None:
    sides = CATALOGUE.about.categories
    assert {category for category, side in sides.items() if side == "train"} == {"literary", "rhetorical"}
    assert set(sides) == {skill.category for skill in CATALOGUE.skills.values()}


def test_the_published_names_are_in_on_their_sides() -> None:
    partition = CATALOGUE.partition()
    train, held_out = ({CATALOGUE.skills[s].name for s in partition.skills(side)} for side in ("train", "held-out"))
    assert train >= PUBLISHED_TRAIN
    assert held_out >= PUBLISHED_HELD_OUT
    assert {topic.name for topic in CATALOGUE.topics.values()} >= PUBLISHED_TOPICS


def test_the_description_says_that_the_list_is_not_the_authors() -> None:
    assert "withhold their list" in CATALOGUE.about.description
    assert "is ours" in CATALOGUE.about.description.replace("\n", " ")


@pytest.mark.parametrize("slug", SKILLS)
def test_no_example_names_its_skill(slug: str) -> None:
    skill = CATALOGUE.skills[slug]
    named = [text for text in texts(skill) if names_a_skill(text, [skill.name])]
    assert not named


@pytest.mark.parametrize("slug", SKILLS)
def test_examples_are_distinct_and_of_one_or_two_sentences(slug: str) -> None:
    skill = CATALOGUE.skills[slug]
    for a, b in combinations(map(words, skill.examples), 2):
        assert overlap(a, b) < MAX_OVERLAP
    sentences = [count_sentences(text) for text in skill.examples]
    assert set(sentences) <= {1, 2}, skill.examples
    assert 1 in sentences, "the limit at k = 1 and 2 is one sentence, and no example shows the skill in one"
    assert skill.near_miss.text not in skill.examples


@pytest.mark.parametrize("slug", SKILLS)
def test_texts_are_whole_sentences_of_plain_english(slug: str) -> None:
    skill = CATALOGUE.skills[slug]
    for text in (skill.definition, skill.near_miss.reason, *texts(skill)):
        assert text == " ".join(text.split()) and text.isascii() and text.isprintable()
        assert re.search(r"[.?!]['\"]?$", text), text


def alike(texts_of: Callable[[Skill], tuple[str, ...]]) -> list[tuple[str, str]]:
    """Pairs of skills with texts that share at least half of their words."""
    found = [(slug, words(text)) for slug in SKILLS for text in texts_of(CATALOGUE.skills[slug])]
    pairs = combinations(found, 2)
    return [(slug, other) for (slug, a), (other, b) in pairs if slug != other and overlap(a, b) >= MAX_OVERLAP]


def test_no_two_skills_share_an_example() -> None:
    assert not alike(texts)


def test_definitions_are_alike_only_where_the_difference_is_told() -> None:
    assert len({skill.definition for skill in CATALOGUE.skills.values()}) == 101
    assert set(alike(lambda skill: (skill.definition,))) <= set(confusions())


def test_references_are_distinct_pages_of_wikipedia() -> None:
    pages = Counter(skill.reference for skill in CATALOGUE.skills.values())
    assert not [page for page in pages if not re.fullmatch(r"https://en\.wikipedia\.org/wiki/[^\s#?]+", page)]
    assert not [page for page, times in pages.items() if times > 1]


def test_confusable_skills_name_each_other_with_a_difference_of_their_own() -> None:
    pairs = set(confusions())
    assert pairs and pairs == {(other, slug) for slug, other in pairs}
    differences = Counter(CATALOGUE.skills[slug].confused_with[other] for slug, other in pairs)
    assert not [text for text, times in differences.items() if times > 1]


def test_about_a_sixth_of_the_skills_are_common() -> None:
    common = [skill.slug for skill in CATALOGUE.skills.values() if skill.common]
    assert 10 <= len(common) <= 24  # the papers: 17 of 101, names withheld
    uncommon = CATALOGUE.partition(PartitionConfig(common=False))
    assert set(uncommon.skills("all")) == set(SKILLS) - set(common)


@pytest.mark.parametrize("seed", range(5))
def test_dealt_categories_make_sides_of_about_the_papers_sizes(seed: int) -> None:
    partition = CATALOGUE.partition(PartitionConfig(by="categories", train=53, seed=seed))
    assert 40 <= len(partition.skills("train")) <= 53
    categories = [{CATALOGUE.skills[s].category for s in partition.skills(side)} for side in ("train", "held-out")]
    assert not categories[0] & categories[1]
