"""Statements follow the numbers: turn the numbers round and the statements turn with them."""

from typing import Any

import pytest

from cards.findings import control_shares, does_not_show, shows
from cards.summary import Summary


def _set(figures: dict[str, Any], difference: float, *, arm: str | None = None, split: str | None = None) -> Summary:
    for c in figures["comparisons"]:
        if arm in (None, c["arm"]) and split in (None, c["split"]):
            c |= {"difference": difference, "low": difference - 0.05, "high": difference + 0.05}
    return Summary.model_validate(figures)


def test_gains_are_named_with_their_k(summary: Summary) -> None:
    text = " ".join(shows(summary))
    assert (
        "Train skills: (1,2,3) has more full marks than the base at k = 2 (+38 points), 3 (+46) and 4 (+15); " in text
    )
    assert "at k = 1 and 5 the two are not told apart." in text


def test_larger_k_is_told_beyond_the_data_of_the_arm_only(summary: Summary) -> None:
    text = " ".join(shows(summary))
    assert "(k up to 2), on train skills, (1,2) reaches 46 % at k = 3 (base 2 %), 20 % at k = 4" in text
    assert "(k up to 3), on train skills, (1,2,3) reaches 15 % at k = 4" in text


def test_no_gain_no_claim(figures: dict[str, Any]) -> None:
    text = " ".join(shows(_set(figures, 0.0)))
    assert "has more full marks" not in text and " reaches " not in text
    assert "not told apart at any k" in text and "is not clearly above the base" in text


def test_losses_are_told(figures: dict[str, Any]) -> None:
    text = " ".join(shows(_set(figures, -0.2)))
    assert "(1,2) has fewer full marks than the base at k = 1 (-20 points), 2 (-20)" in text
    assert "has more" not in text


def test_share_of_the_control_is_computed(summary: Summary) -> None:
    shares = {(arm, k): share for arm, k, share in control_shares(summary)}
    assert shares[("(1,2)", 2)] == pytest.approx(0.15 / 0.25)
    assert shares[("(1,2)", 3)] == pytest.approx(0.10 / 0.20)
    assert set(shares) == {("(1,2)", 2), ("(1,2)", 3), ("(1,2,3)", 2), ("(1,2,3)", 3)}  # k = 4, 5: no clear gain
    text = " ".join(does_not_show(summary))
    assert "reaches 60 % of the gain of (1,2) at k = 2" in text
    assert "(1,2,3) is not clearly above SFT(1) on held-out skills at any k >= 2." in text


def test_order_of_the_arms_follows_the_cells(figures: dict[str, Any], summary: Summary) -> None:
    held = [line for line in shows(summary) if "the order" in line]
    assert held[0].startswith("Train skills") and "holds at k = 3 of" in held[0]
    assert held[1].startswith("Held-out skills") and "holds at no k" in held[1]
    for cell in figures["cells"]:
        if (cell["arm"], cell["split"], cell["k"]) == ("(1,2,3)", "held-out", 3):
            cell |= {"full_marks": 0.9, "low": 0.85, "high": 0.95}
    assert "holds at k = 3 of" in [line for line in shows(Summary.model_validate(figures)) if "the order" in line][1]


def test_the_worst_shotgun_is_named(figures: dict[str, Any]) -> None:
    next(c for c in figures["cells"] if (c["arm"], c["split"], c["k"]) == ("(1,2)", "held-out", 4))["shotgun"] = 0.23
    text = shows(Summary.model_validate(figures))[-1]
    assert "at most 23 %" in text and "((1,2), held-out skills, k = 4)" in text


@pytest.mark.parametrize(
    "caveat",
    [
        "7 to 13 billion",
        "not requested in fine-tuning",
        "in pre-training",
        "up to 5 skills",
        "semantically thin",
        "as independent",
        "SFT(1)",
    ],
)
def test_the_miniature_states_its_limits(summary: Summary, caveat: str) -> None:
    assert any(caveat in line for line in does_not_show(summary))


def test_a_study_of_real_models_is_not_called_a_miniature(figures: dict[str, Any]) -> None:
    text = " ".join(does_not_show(Summary.model_validate(figures | {"miniature": False})))
    assert "miniature" not in text and "up to 5 skills" not in text and "as independent" in text


def test_without_a_control_nothing_is_credited_to_composed_data(figures: dict[str, Any]) -> None:
    for key in ("cells", "comparisons", "samples"):
        figures[key] = [f for f in figures[key] if "(1)" not in (f["arm"], f.get("against"))]
    figures["arms"] = [arm for arm in figures["arms"] if arm["name"] != "(1)"]
    assert "can be credited to composed data" in does_not_show(Summary.model_validate(figures))[0]


def test_unscored_texts_are_told(figures: dict[str, Any]) -> None:
    figures["cells"][3]["unscored"] = 1200
    assert "1,200 texts had no readable verdict" in does_not_show(Summary.model_validate(figures))[-1]
