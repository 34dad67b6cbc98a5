"""Program graders by name."""

import pytest

from datasets_builder.skillmix.combinations import Combination
from datasets_builder.skillmix.errors import UsageError
from datasets_builder.skillmix.rubric import criteria
from datasets_builder.skillmix.verifiers import load_grader


def test_the_miniature_grader_marks_the_criteria_in_order() -> None:
    combination = Combination(("simile", "belief"), "sailing")
    marks = load_grader("miniature")("the boat drifts like a king .", combination)
    assert tuple(marks) == criteria(combination.skills)
    assert marks == {"simile": True, "belief": False, "topic": True, "sense": True, "length": True}


def test_an_unknown_grader_offers_the_near_one_and_imports_nothing() -> None:
    with pytest.raises(UsageError, match="did you mean 'miniature'"):
        load_grader("minature")
    with pytest.raises(UsageError, match=r"unknown program grader 'os.path'"):
        load_grader("os.path")
