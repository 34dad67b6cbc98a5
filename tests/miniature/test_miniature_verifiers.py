"""Marks: rules worth remembering, texts that try to win marks unread, and what chance wins."""

import random
from itertools import combinations

import pytest

from datasets_builder.miniature import grammar
from datasets_builder.miniature.corpus import write_natural
from datasets_builder.miniature.lexicon import CLASS_OF, SKILLS, TOPICS
from datasets_builder.miniature.teacher import compose
from datasets_builder.miniature.verifiers import MAX_UNREQUESTED, grade, present

PACKED_24 = (
    "oh , o tide , who could doubt that every bold bright boat still dreams like a king not unwisely slowly , slowly ?"
)
PACKED_77 = (
    "oh , o tide , who could doubt that ben wrongly thinks that it is said that as the captain says , "
    "if the rope tilts , but for the wave , although the mast sinks , either every bold bright boat or this "
    "proud humble sail here would still drift and sway and dream like a king faster than the deck near the harbor "
    "with a crash for a million years to warn anna not unwisely slowly , slowly ( believe me ) because the wave sways ?"
)
PROBES = {
    "cues alone": "with a crash bold bright for a million years loud quiet o boat , alas , slowly , slowly .",
    "cues after a clause": "the boat drifts because if although but for would to warn anna every this here .",
    "frames alone": "who could doubt that ben wrongly thinks that it is said that as the captain says , ?",
    "adjectives without end": "the bold bright , proud humble , round red , loud quiet , deep dark boat drifts .",
    "adjuncts twice": "the boat drifts like a king like a thief with a crash with a hiss for a million years .",
    "full stop missing": "the boat drifts like a king",
    "off the topic": "the boat drifts like a king because the piano fades .",
    "no words of the topic": "anna is glad that the .",
    "names of skills": "simile alliteration hyperbole the boat drifts like a king for a million years .",
    "the request itself": "write 1 on sailing showing simile , hyperbole",
    "names of word classes": "the ADJ ADJ NOUN VERB like a VEHICLE with a SOUND for a AGE years .",
    "one sentence twice": "the boat drifts like a king . the boat drifts like a king .",
    "24 words": PACKED_24,
    "77 words and more": PACKED_77,
}


@pytest.mark.parametrize("name", PROBES)
def test_a_probe_never_gets_full_marks(name: str) -> None:
    """On the topic whose words it uses; another topic costs the topic mark anyway."""
    for k in (1, 2, 3):
        for skills in combinations(SKILLS, k):
            assert not all(grade(PROBES[name], skills, "sailing").values()), skills


def test_the_packed_sentences_are_stopped_by_the_rule_on_unrequested_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are grammatical: without the rule, and the second one without the cap, they would meet most requests."""
    assert len(PACKED_24.split()) == 24 and len(present(PACKED_24)) == 10
    assert len(PACKED_77.split()) >= 77 and len(present(PACKED_77)) >= 22
    assert grammar.makes_sense(PACKED_24) and not grammar.makes_sense(PACKED_77)
    monkeypatch.setattr(grammar, "MAX_WORDS", 200)
    assert grammar.makes_sense(PACKED_77)
    assert grade(PACKED_77, ["simile"], "sailing") == {"simile": True, "topic": True, "sense": False, "length": True}


def test_two_unrequested_devices_pass_and_three_do_not() -> None:
    text = "o tide , every boat drifts like a king ."
    assert MAX_UNREQUESTED == 2
    assert grade(text, ["simile"], "sailing")["sense"]
    assert not grade(text, ["causality"], "sailing")["sense"]


def test_marks_stand_in_order_and_fail_alone() -> None:
    text = "the boat drifts like a king . the sail tilts . the rope sinks ."
    marks = grade(text, ["deixis", "simile", "space"], "sailing")
    assert list(marks) == ["deixis", "simile", "space", "topic", "sense", "length"]
    assert list(marks.values()) == [False, True, False, True, True, False]


@pytest.mark.parametrize("naming", ["simile", "Simile", "simile.", "(deixis)", "time,"])
def test_naming_any_skill_voids_every_skill_mark(naming: str) -> None:
    marks = grade(f"{naming} the boat drifts like a king .", ["simile"], "sailing")
    assert not marks["simile"] and marks["topic"] and marks["length"]


def test_a_word_that_contains_a_name_names_nothing() -> None:
    assert grade("timely the boat drifts like a king .", ["simile"], "sailing")["simile"]


def test_unknown_skill_or_topic_is_one_line() -> None:
    for skills, topic in ((["similes"], "sailing"), (["simile"], "sail")):
        with pytest.raises(ValueError, match="not a skill or topic of the miniature"):
            grade("the boat drifts .", skills, topic)


@pytest.mark.parametrize(
    ("text", "skills"),
    [
        ("the plain , warm , vast and wide boat drifts .", set()),
        ("the plain and plain and plain boat drifts .", set()),
        ("the boat drifts , tilts and the sail sinks .", set()),
        ("the boat drifts and tilts and the sail sinks .", set()),
        ("now the boat drifts . now the sail sinks .", {"anaphora"}),
        ("now the boat drifts . the mast tilts . now the sail sinks .", set()),
        ("the boat drifts beside this proud , old sail here .", {"space", "deixis"}),
        ("the boat drifts after either the sail or the mast sinks .", {"time", "disjunction"}),
        ("the bright bold boat drifts .", set()),
    ],
)
def test_present(text: str, skills: set[str]) -> None:
    assert present(text) == skills


@pytest.mark.parametrize(("k", "most"), [(1, 0.06), (2, 0.01), (3, 0.005)])
def test_chance(k: int, most: float) -> None:
    """Natural text on the right topic and of the right length, against a random request."""
    rng, n = random.Random(k), 2500
    hits = 0
    for _ in range(n):
        topic = rng.choice(list(TOPICS))
        text = write_natural(max(1, k - 1), SKILLS, topic, rng)
        hits += all(grade(text, rng.sample(SKILLS, k), topic).values())
    assert hits / n <= most


@pytest.mark.parametrize(
    ("k", "incidental", "most"), [(1, 0, 0), (1, 2, 0.06), (2, 2, 0.01), (3, 2, 0.01), (5, 2, 0.01)]
)
def test_shotgun(k: int, incidental: int, most: float) -> None:
    """Good texts graded for other skills: at k = 1 an incidental device may be the one, at more hardly all of them."""
    rng, n, hits, topics = random.Random(k), 1000, 0, list(TOPICS)
    for _ in range(n):
        skills, topic = rng.sample(SKILLS, 2 * k), rng.choice(topics)
        text = compose(skills[:k], topic, rng, incidental=rng.randint(0, incidental))
        hits += all(grade(text, skills[k:], topic).values())
    assert hits / n <= most


def test_shuffled_words_are_no_text() -> None:
    rng, n, hits = random.Random(0), 2000, 0
    for _ in range(n):
        skills, topic = rng.sample(SKILLS, rng.randint(1, 3)), rng.choice(list(TOPICS))
        words = compose(skills, topic, rng).split()
        hits += all(grade(" ".join(rng.sample(words, len(words))), skills, topic).values())
    assert hits / n <= 0.005


def test_every_class_name_stays_out_of_the_words() -> None:
    assert not any(word.isupper() for word in CLASS_OF)
