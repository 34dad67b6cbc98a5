"""The pre-training and replay text."""

import random
import re

from datasets_builder.miniature.corpus import headed, natural, request, single_skill
from datasets_builder.miniature.grammar import makes_sense, split_sentences
from datasets_builder.miniature.lexicon import SKILLS, TOPICS
from datasets_builder.miniature.teacher import read_request
from datasets_builder.miniature.verifiers import grade, present

ALL_TOPICS = list(TOPICS)


def read_shuffled(line: str) -> tuple[list[str], str, int]:
    """A request whose parts stand in any order."""
    parts = re.split(r" (?=(?:write|on|showing) )", line)
    order = {"write": 0, "on": 1, "showing": 2}
    return read_request(" ".join(sorted(parts, key=lambda part: order[part.split()[0]])))


def test_a_request_has_a_fixed_order_unless_shuffled() -> None:
    assert request(["simile", "deixis"], "sailing", 1) == "write 1 on sailing showing simile , deixis"
    assert request([], "sailing", 3) == "write 3 on sailing"
    rng = random.Random(0)
    lines = {request(["simile"], "sailing", 1, rng) for _ in range(100)}
    assert len(lines) == 6 and {read_shuffled(line) == (["simile"], "sailing", 1) for line in lines} == {True}


def test_headed_rows_honour_one_skill_always_and_several_at_times() -> None:
    honoured: dict[int, list[bool]] = {k: [] for k in range(1, 6)}
    for row in headed(3000, SKILLS, ALL_TOPICS, random.Random(0)):
        line, text = (message["content"] for message in row["messages"])
        skills, topic, limit = read_shuffled(line)
        assert [message["role"] for message in row["messages"]] == ["user", "assistant"]
        assert makes_sense(text) and len(split_sentences(text)) <= limit
        assert grade(text, skills, topic)["topic"] and not present(text).isdisjoint(skills)
        honoured[len(skills)].append(set(skills) <= present(text))
    assert all(honoured[1]) and 0.36 < len(honoured[1]) / 3000 < 0.47
    several = [hit for k in range(2, 6) for hit in honoured[k]]
    assert 0.25 < sum(several) / len(several) < 0.35
    assert all(len(honoured[k]) > 150 for k in range(2, 6))


def test_natural_rows_are_prompted_by_length_and_topic_or_bare() -> None:
    rows = list(natural(1500, SKILLS, ALL_TOPICS, random.Random(0)))
    prompted = [[message["content"] for message in row["messages"]] for row in rows if "messages" in row]
    assert 0.66 < len(prompted) / len(rows) < 0.74
    assert all(makes_sense(row["text"]) for row in rows if "text" in row)
    for line, text in prompted:
        skills, topic, limit = read_shuffled(line)
        assert skills == [] and len(split_sentences(text)) == limit and grade(text, [], topic)["topic"]


def test_single_skill_rows_get_full_marks_and_most_show_more() -> None:
    more = 0
    for row in single_skill(1500, SKILLS, ALL_TOPICS, random.Random(0)):
        line, text = (message["content"] for message in row["messages"])
        skills, topic, _ = read_shuffled(line)
        assert len(skills) == 1 and all(grade(text, skills, topic).values())
        more += len(present(text)) > 1
    assert 0.56 < more / 1500 < 0.64


def test_rows_use_the_given_skills_and_topics_as_headings() -> None:
    for row in headed(300, SKILLS[:16], ["music"], random.Random(0)):
        skills, topic, _ = read_shuffled(row["messages"][0]["content"])
        assert set(skills) <= set(SKILLS[:16]) and topic == "music"


def test_the_same_seed_gives_the_same_rows() -> None:
    for make in (headed, natural, single_skill):
        assert list(make(100, SKILLS, ALL_TOPICS, random.Random(5))) == list(
            make(100, SKILLS, ALL_TOPICS, random.Random(5))
        )
