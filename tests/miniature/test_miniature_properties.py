"""Whatever the text is, grading does not fail, and only a text that is still valid gets full marks."""

import random
import re

from hypothesis import given, settings
from hypothesis import strategies as st

from datasets_builder.miniature.lexicon import CLASS_OF, SKILLS, TOPICS
from datasets_builder.miniature.teacher import compose, revise
from datasets_builder.miniature.verifiers import MAX_UNREQUESTED, MAX_WORDS, grade, present

CALM = settings(deadline=None, derandomize=True, max_examples=200)

words = st.one_of(
    st.sampled_from(sorted(CLASS_OF)), st.sampled_from([",", ".", "?", "(", "and", "the"]), st.text(max_size=8)
)
requests = st.tuples(
    st.lists(st.sampled_from(SKILLS), min_size=1, max_size=5, unique=True), st.sampled_from(sorted(TOPICS))
)


def assert_valid_if_full(text: str, skills: list[str], topic: str) -> None:
    """Checks, by other means than the grader's, what full marks promise."""
    marks = grade(text, skills, topic)
    assert list(marks) == [*skills, "topic", "sense", "length"]
    if not all(marks.values()):
        return
    sentences = re.findall(r"[^.?]+[.?]", text)
    assert "".join(sentences).split() == text.split() and len(sentences) <= max(1, len(skills) - 1)
    assert all(len(sentence.split()) <= MAX_WORDS for sentence in sentences)
    assert set(text.split()) <= set(CLASS_OF) and not set(text.split()).isdisjoint(TOPICS[topic].nouns)
    assert set(skills) <= present(text) and len(present(text)) <= len(skills) + MAX_UNREQUESTED
    assert all(re.search(r"\b(the|every|this)\b", sentence) for sentence in sentences)


@CALM
@given(st.text(), requests)
def test_any_unicode(text: str, request: tuple[list[str], str]) -> None:
    assert not all(grade(text, *request).values())


@CALM
@given(st.lists(words, max_size=40), requests)
def test_bags_of_words(bag: list[str], request: tuple[list[str], str]) -> None:
    assert_valid_if_full(" ".join(bag), *request)


@CALM
@given(requests, st.integers(0, 2**32))
def test_shuffled_cut_repeated_and_joined_texts(request: tuple[list[str], str], seed: int) -> None:
    rng, (skills, topic) = random.Random(seed), request
    text = compose(skills, topic, rng, incidental=rng.randint(0, 2))
    parts = text.split()
    assert_valid_if_full(text, skills, topic)
    assert_valid_if_full(" ".join(rng.sample(parts, len(parts))), skills, topic)
    cut = parts[: rng.randrange(len(parts))]
    assert_valid_if_full(" ".join(cut), skills, topic)
    if cut and cut[-1] not in (".", "?"):
        assert not all(grade(" ".join(cut), skills, topic).values())
    assert not all(grade(f"{text} {text}", skills, topic).values())
    assert not all(grade(f"{text} {rng.choice(skills)}", skills, topic).values())


@CALM
@given(st.lists(words, max_size=40), requests, st.integers(0, 2**32))
def test_the_teacher_revises_any_text(bag: list[str], request: tuple[list[str], str], seed: int) -> None:
    assert isinstance(revise(" ".join(bag), *request, random.Random(seed)), str)
