"""Self-preference: planted, absent, and not to be told."""

from random import Random

from judged_runs import Cast, Marks, draw_truth, make_run, truth_of

from eval_harness.preference import find_preference
from eval_harness.results import EvalRun, TextRow

GPT, CLAUDE = "openai/gpt-5", "anthropic/claude-opus-4"


def pass_some(share: float, seed: int) -> Cast:
    """A grader who gives full marks to this share of the texts."""

    def cast(row: TextRow) -> list[Marks]:
        lucky = Random(f"{row.combination} {seed}").random() < share
        return [dict.fromkeys(truth_of(row), lucky)]

    return cast


def judged(gpt_by_gpt: float, gpt_by_claude: float, claude_by_gpt: float, claude_by_claude: float) -> list[EvalRun]:
    rows = draw_truth(300, 1, 0)
    shares = {
        (GPT, GPT): gpt_by_gpt,
        (GPT, CLAUDE): gpt_by_claude,
        (CLAUDE, GPT): claude_by_gpt,
        (CLAUDE, CLAUDE): claude_by_claude,
    }
    return [
        make_run(rows, pass_some(share, i), grader=f"{grader}-judge", model=f"{author}-mini", teacher=f"{author}-max")
        for i, ((author, grader), share) in enumerate(shares.items())
    ]


def test_a_planted_preference_is_shown() -> None:
    found = find_preference(judged(0.6, 0.4, 0.3, 0.5))
    assert found and len(found.rates) == 4
    (favour,) = found.favours
    assert (favour.a, favour.b, favour.n) == ("claude", "gpt", 300)
    assert favour.low < 0.4 < favour.high and favour.low > 0.15
    assert "higher than each other's" in found.findings[0] and "audit" in found.findings[0]


def test_a_strict_grader_and_a_good_student_are_no_preference() -> None:
    found = find_preference(judged(0.6, 0.4, 0.5, 0.3))
    assert found and found.favours[0].low < 0 < found.favours[0].high
    assert found.findings[0].startswith("graders of claude and gpt: no self-preference is shown")


def test_graders_can_be_harder_on_their_own() -> None:
    found = find_preference(judged(0.3, 0.6, 0.6, 0.3))
    assert found and found.favours[0].high < 0 and "lower than each other's" in found.findings[0]


def test_the_teachers_family_can_count_instead() -> None:
    runs = judged(0.6, 0.4, 0.3, 0.5)
    tuned = [run.model_copy(update={"model": "folder/checkpoint"}) for run in runs]
    assert find_preference(tuned) is None
    found = find_preference(tuned, "teacher")
    assert found and found.by == "teacher" and found.favours == find_preference(runs).favours  # type: ignore[union-attr]


def test_programs_are_of_no_family_and_one_family_tells_nothing() -> None:
    runs = judged(0.6, 0.4, 0.3, 0.5)
    assert find_preference(runs[:2]) is None
    assert find_preference([*runs[:3], make_run(draw_truth(300, 1, 0), grader="miniature", model=CLAUDE)]) is None


def test_families_that_were_asked_other_combinations_are_not_compared() -> None:
    runs = judged(0.6, 0.4, 0.3, 0.5)
    others = make_run(draw_truth(300, 2, 0), grader=f"{CLAUDE}-judge", model=f"{CLAUDE}-mini")
    assert find_preference([*runs[:3], others]) is None
