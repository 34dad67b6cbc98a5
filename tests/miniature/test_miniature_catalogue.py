"""The catalogue of the miniature against its verifiers and lexicon."""

import re

import pytest

from datasets_builder.miniature.grammar import makes_sense
from datasets_builder.miniature.lexicon import SKILLS, TOPIC_OF, TOPICS
from datasets_builder.miniature.verifiers import VERIFIERS, grade, present
from datasets_builder.skillmix.catalogue import load_catalogue

CATALOGUE = load_catalogue("miniature")


def topic_of(text: str) -> str:
    """The one topic whose words the text uses."""
    (topic,) = {TOPIC_OF[word] for word in text.split() if word in TOPIC_OF}
    return topic


def test_skills_topics_and_verifiers_match_one_to_one() -> None:
    assert set(CATALOGUE.skills) == set(VERIFIERS) == set(SKILLS)
    assert set(CATALOGUE.topics) == set(TOPICS)
    assert {skill.verifier for skill in CATALOGUE.skills.values()} == {f"miniature.{slug}" for slug in VERIFIERS}
    assert all(skill.name == slug for slug, skill in CATALOGUE.skills.items())
    assert all(topic.name == slug for slug, topic in CATALOGUE.topics.items())


def test_the_split_is_sixteen_sixteen_and_eight_four() -> None:
    partition = CATALOGUE.partition()
    assert [len(partition.skills(side)) for side in ("train", "held-out")] == [16, 16]
    assert partition.topics("held-out") == ("camping", "football", "library", "market")


@pytest.mark.parametrize("slug", SKILLS)
def test_every_example_gets_full_marks(slug: str) -> None:
    examples = CATALOGUE.skills[slug].examples
    assert len({topic_of(text) for text in examples}) >= 3
    for text in examples:
        assert all(grade(text, [slug], topic_of(text)).values()), text


@pytest.mark.parametrize("slug", SKILLS)
def test_every_near_miss_is_well_formed_and_fails(slug: str) -> None:
    text = CATALOGUE.skills[slug].near_miss.text
    assert makes_sense(text)
    assert slug not in present(text)


@pytest.mark.parametrize("slug", SKILLS)
def test_no_text_says_the_name(slug: str) -> None:
    skill = CATALOGUE.skills[slug]
    for text in (*skill.examples, skill.near_miss.text):
        assert not re.search(rf"\b{skill.name}\b", text, re.IGNORECASE), text
