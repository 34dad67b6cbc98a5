"""The 95 % intervals against truths that are known; docs/statistics.md shows the same simulations."""

from pathlib import Path

import pytest
from intervals_simulated import SHARES, SIZES, TRIALS, WORLDS, cover

NOISE = 0.012  # 2.5 standard errors of a coverage of 95 % in 2,000 trials
WIDE = "full marks on 4 topics"  # three degrees of freedom: too wide rather than too narrow


@pytest.mark.parametrize("name", WORLDS)
def test_intervals_cover_in_a_few_trials(name: str) -> None:
    assert cover(name, 0.37, 50, trials=200)["ours"] > 0.9


def test_a_narrow_interval_would_be_seen() -> None:
    found = cover("full marks, 1 text", 0.04, 50, trials=200, others=True)
    assert found["Wald"] < 0.9 < found["ours"]


@pytest.mark.slow
@pytest.mark.parametrize("name", WORLDS)
def test_intervals_cover_as_docs_say(name: str, root: Path) -> None:
    told = {
        line.split("|")[1].strip(): line
        for line in (root / "docs/statistics.md").read_text().splitlines()
        if "| ours |" in line
    }
    found = [cover(name, share, n, TRIALS)["ours"] for share in SHARES for n in SIZES]
    assert [float(cell) for cell in told[name].split("|")[3:-1]] == pytest.approx(found, abs=NOISE)
    assert min(found) > 0.93 - NOISE
    assert max(found) < 0.97 + NOISE or name == WIDE
