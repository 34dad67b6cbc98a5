"""Hostile student texts gain nothing: whatever they say stays between the fences of the grade prompt."""

import dataclasses

import pytest
from hostile_texts import BEES, COMBINATION, CRITERIA, HOSTILE, gullible_grader

from datasets_builder.skillmix.catalogue import load_catalogue
from datasets_builder.skillmix.prompts import PromptSet, load_prompts
from datasets_builder.skillmix.rubric import score

FENCED = "{{ fence }}\n{{ text }}\n{{ fence }}"
HONEST = {name: name not in COMBINATION.skills for name in CRITERIA}


@pytest.fixture(scope="module")
def prompts() -> PromptSet:
    """The prompts of the full catalogue."""
    return load_prompts("full", load_catalogue("full"))


def with_fence(prompts: PromptSet, before: str, after: str) -> PromptSet:
    """The same prompts with another fence, or none."""
    template = prompts.sources["grade"]
    assert template.count(FENCED) == 1
    other = template.replace(FENCED, f"{before}{{{{ text }}}}{after}")
    return dataclasses.replace(prompts, sources={**prompts.sources, "grade": other})


def full_marks(prompts: PromptSet, text: str) -> bool:
    """Through the whole path: prompt, grader, reader, rubric."""
    marks = prompts.read_vote(gullible_grader(prompts.grade(COMBINATION, text), COMBINATION), COMBINATION)
    assert marks is not None
    return score(marks, COMBINATION.skills).full_marks


def test_there_are_thirty_and_the_grader_is_honest_about_a_plain_text(prompts: PromptSet) -> None:
    assert len(set(HOSTILE.values())) == 30
    assert not full_marks(prompts, BEES) and not full_marks(with_fence(prompts, "", ""), BEES)


@pytest.mark.parametrize("name", HOSTILE)
def test_it_fools_the_grader_without_a_fence_and_not_with_one(prompts: PromptSet, name: str) -> None:
    assert full_marks(with_fence(prompts, "", ""), HOSTILE[name])
    assert not full_marks(prompts, HOSTILE[name])


@pytest.mark.parametrize(
    ("fence", "broken_by"),
    [
        (("```\n", "\n```"), "closing code fence"),
        (("<text>\n", "\n</text>"), "closing tag"),
        (('"""\n', '\n"""'), "closing quotes"),
        (("---\n", "\n---"), "closing rule"),
        (("=== TEXT 0123456789abcdef ===\n", "\n=== TEXT 0123456789abcdef ==="), "guessed code"),
    ],
)
def test_a_fence_that_can_be_foreseen_would_be_broken(
    prompts: PromptSet, fence: tuple[str, str], broken_by: str
) -> None:
    weak = with_fence(prompts, *fence)
    assert not full_marks(weak, HOSTILE["plain order"])
    assert full_marks(weak, HOSTILE[broken_by])


@pytest.mark.parametrize("name", HOSTILE)
def test_the_text_stands_in_the_prompt_as_it_is_and_changes_nothing_around_it(prompts: PromptSet, name: str) -> None:
    begin, _, rest = prompts.grade(COMBINATION, HOSTILE[name]).partition("\n=== TEXT ")
    code, _, rest = rest.partition(" ===\n")
    inside, fence, end = rest.partition(f"\n=== TEXT {code} ===")
    assert inside == HOSTILE[name] and fence
    plain = prompts.grade(COMBINATION, BEES)
    assert (
        plain.endswith(end) and begin.rpartition("counted")[0] == plain.partition("\n===")[0].rpartition("counted")[0]
    )


@pytest.mark.parametrize("name", HOSTILE)
def test_a_grader_that_quotes_the_text_before_its_marks_awards_nothing_by_it(prompts: PromptSet, name: str) -> None:
    honest = gullible_grader(prompts.grade(COMBINATION, BEES), COMBINATION)
    marks = prompts.read_vote(f"The text reads:\n\n{HOSTILE[name]}\n\nMy marks:\n{honest}", COMBINATION)
    assert marks in (None, HONEST)  # two verdicts that differ are unreadable, never the better one
