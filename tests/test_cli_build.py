"""``dskill build`` as a person sees it: the estimate, the live line, the mistakes."""

import re
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest
import yaml
from rich.console import Console

from datasets_builder.live import Live, describe
from datasets_builder.meter import Meter, Prices, Usage
from datasets_builder.runner import Progress
from study.execute import STEP

Run = Callable[..., tuple[int, str, str]]
KEYS = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY")
PRICE = {"match": ["x/teacher"], "input": 1.0, "output": 1.0, "as_of": "2026-01-01", "source": "a test"}


@pytest.fixture(autouse=True)
def _without_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for key in KEYS:
        monkeypatch.delenv(key, raising=False)


def small(root: Path, folder: Path, **changes: object) -> Path:
    """The miniature's recipe, with few texts."""
    content = yaml.safe_load((root / "recipes/data/miniature.yml").read_text())
    path = folder / "small.yml"
    path.write_text(yaml.safe_dump(content | {"combinations": {1: {"n": 30}, 2: {"n": 30}}} | changes))
    return path


@pytest.mark.parametrize("recipe", ["preview", "paper", "own-catalogue", "wide"])
def test_an_estimate_needs_no_key_and_writes_nothing(
    root: Path, dskill: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recipe: str
) -> None:
    monkeypatch.chdir(root)
    code, out, err = dskill("build", f"recipes/data/{recipe}.yml", "--dry-run", "--out", tmp_path / "out")
    assert (code, err) == (0, "") and not list(tmp_path.iterdir())
    rows = {line.split()[0]: line for line in out.splitlines() if line}
    costs = [
        [float(cost.replace(",", "")) for cost in rows[stage].split()[-3:]] for stage in ("revise", "grade", "total")
    ]
    assert all(0 < low < expected < high for low, expected, high in costs)
    assert "\x1b" not in out and "Assumed, low / expected / high" in out and "as of 2026-" in out


def test_the_papers_calls(root: Path, dskill: Run) -> None:
    """25,000 texts in two turns; two to three votes on most."""
    _, out, _ = dskill("build", root / "recipes/data/paper.yml", "--dry-run")
    assert re.search(r"generate +\S+ +25,000 ", out) and re.search(r"grade +\S+ +40,000 / 54,506 / 82,500 ", out)


def test_an_unknown_price_is_shown_as_unknown(root: Path, dskill: Run, tmp_path: Path) -> None:
    recipe = small(root, tmp_path, teacher={"model": "x/teacher"}, grader={"model": "x/grader"})
    code, out, _ = dskill("build", recipe, "--dry-run")
    assert code == 0 and "$0" not in out
    assert len(re.findall(r"^(?:generate|revise|grade) .* unknown +unknown +unknown$", out, re.MULTILINE)) == 3
    assert "x/grader: price unknown; give it in a file like" in out and "--prices FILE" in out
    prices = tmp_path / "prices.yml"
    prices.write_text(yaml.safe_dump({"prices": [PRICE]}))
    _, out, _ = dskill("build", recipe, "--dry-run", "--prices", prices)
    assert re.search(r"^total .*0\.\d\d \+ unknown$", out, re.MULTILINE) and "x/teacher: $1 for a million" in out
    code, _, err = dskill("build", recipe, "--dry-run", "--prices", prices, "--budget", 20)
    assert code == 2 and err.startswith("error: --budget needs the price of x/grader;") and err.count("\n") == 1


def test_a_budget_says_how_far_it_will_last(root: Path, dskill: Run) -> None:
    _, out, _ = dskill("build", root / "recipes/data/paper.yml", "--dry-run", "--budget", 20)
    assert re.search(r"A budget of \$20.00 is expected to last for \d+% of it", out)


def test_a_limit_is_estimated(root: Path, dskill: Run) -> None:
    _, out, _ = dskill("build", root / "recipes/data/paper.yml", "--dry-run", "--limit", 30)
    assert re.search(r"generate +\S+ +30 ", out)


def test_without_a_folder_nothing_is_built(root: Path, dskill: Run, tmp_path: Path) -> None:
    code, _, err = dskill("build", small(root, tmp_path))
    assert code == 2 and err == "error: --out is missing: the folder to write; only --dry-run goes without it\n"


def test_a_missing_price_file(root: Path, dskill: Run, tmp_path: Path) -> None:
    code, _, err = dskill("build", small(root, tmp_path), "--out", tmp_path / "o", "--prices", tmp_path / "none.yml")
    assert code == 2 and "none.yml: no such file" in err


def test_a_build_tells_its_progress_in_lines_that_a_study_follows(root: Path, dskill: Run, tmp_path: Path) -> None:
    code, out, err = dskill("build", small(root, tmp_path), "--out", tmp_path / "out")
    lines = out.splitlines()
    told = [STEP.search(line) for line in lines if line.startswith("progress ")]
    assert (code, err) == (0, "") and told and all(told)
    assert lines[-2].startswith("progress 60/60 ") and re.search(r"rows/s, kept \d+ \(\d+%\)$", lines[-2])
    assert re.fullmatch(r".*out: \d+ texts kept of 60 \(\d+%\), configs k1, k2, k12", lines[-1])


def test_a_recipe_may_have_a_limit_and_the_command_another(root: Path, dskill: Run, tmp_path: Path) -> None:
    recipe = small(root, tmp_path, limit=20)
    _, out, _ = dskill("build", recipe, "--out", tmp_path / "a")
    assert "kept of 20 " in out
    _, out, _ = dskill("build", recipe, "--out", tmp_path / "b", "--limit", 40)
    assert "kept of 40 " in out


def test_the_live_line_says_what_counts() -> None:
    prices = Prices.model_validate({"prices": [PRICE]})
    meter = Meter(prices)
    meter.record("x/teacher", "generate", Usage(500_000, 500_000), False)
    line = describe(Progress(done=100, total=1000, kept=60, rows_per_second=9), 10.0, meter)
    assert line == "10 rows/s, kept 60 (60%), $1.00 of about $10.00, 90 s left".replace("90 s", "2 min")
    meter.record("x/new", "grade", Usage(1, 1), False)
    assert "$1.00 + unknown of about $10.00 + unknown" in describe(Progress(100, 1000, 60, 9), 10.0, meter)
    assert describe(Progress(5, 1000, 0, 1), 0.5, meter) == "0.5 rows/s, kept 0 (0%), $1.00 + unknown, 33 min left"
    assert describe(Progress(0, 10, 0, 0), 0.0, None) == "0.0 rows/s, kept 0"
    assert describe(Progress(10, 10, 9, 5), 5.0, None) == "5.0 rows/s, kept 9 (90%)"
    assert describe(Progress(1, 100_000, 0, 1), 1.0, None).endswith("27.8 h left")


def test_answers_of_an_earlier_run_count_for_the_projection() -> None:
    meter = Meter(Prices.model_validate({"prices": [PRICE]}))
    meter.record("x/teacher", "generate", Usage(1_000_000, 0), True)
    assert "$0.00 of about $10.00" in describe(Progress(100, 1000, 60, 9), 10.0, meter)


def test_a_terminal_gets_a_bar_and_no_lines(capsys: pytest.CaptureFixture[str]) -> None:
    screen = StringIO()
    with Live(Console(file=screen, force_terminal=True, width=100), "build", describe) as live:
        for done in (1, 50, 100):
            live(Progress(done, 100, done // 2, 5.0))
    assert "100/100" in screen.getvalue() and "kept 50 (50%)" in screen.getvalue()
    assert "progress " not in screen.getvalue() + capsys.readouterr().out


def test_plain_lines_are_few() -> None:
    screen = StringIO()
    with Live(Console(file=screen, force_terminal=False), "build", describe) as live:
        for done in range(1, 1001):
            live(Progress(done, 1000, done, 5.0))
    lines = screen.getvalue().splitlines()
    assert len(lines) <= 3 and lines[-1].startswith("progress 1000/1000 ")
