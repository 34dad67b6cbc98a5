"""What ``dskill eval`` prints: the estimate, the table, JSON; and what ``inspect eval`` says of a wrong option."""

import json
import os
import re
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest
import yaml
from inspect_ai._util.error import PrerequisiteError
from rich.console import Console

from datasets_builder.skillmix.errors import UsageError
from eval_harness.command import Options, run_eval, show_estimate
from eval_harness.results import read_run
from eval_harness.task import skillmix

ROOT = Path(__file__).parents[2]
PAPER = ROOT / "recipes/eval/paper.yml"
PAID = Options(model="openai/gpt-4.1", grader="anthropic/claude-haiku-4-5-20251001")


@pytest.fixture()
def recipe(tmp_path: Path) -> Path:
    """A suite of two small cells."""
    path = tmp_path / "suite.yml"
    content = {"catalogue": "miniature", "grader": "miniature", "splits": ["train", "held-out"], "k": [2], "n": 8}
    path.write_text(yaml.safe_dump(content | {"max_tokens": 16, "generations": 2}))
    return path


def estimated(options: Options, recipe: Path = PAPER) -> str:
    screen = StringIO()
    show_estimate(recipe, options, Console(file=screen))
    return screen.getvalue()


def test_the_estimate_needs_no_key_and_names_cells_roles_and_prices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    told = estimated(PAID)
    assert len(re.findall(r"^(?:train|held-out|all) +[1-5] +(?:student|grader) ", told, re.MULTILINE)) == 30
    assert len(re.findall(r"^total +(?:student|grader) ", told, re.MULTILINE)) == 2
    assert re.search(r"^total +[\d.,]+ +[\d.,]+ +[\d.,]+$", told, re.MULTILINE)
    assert "openai/gpt-4.1: $2 for a million input tokens" in told and "hidden thinking" in " ".join(told.split())
    small = estimated(PAID._replace(limit=2))
    assert re.search(r"^train +1 +student +openai/gpt-4.1 +12 ", small, re.MULTILINE)
    assert "A budget of $1.00 is expected to last for" in estimated(PAID._replace(budget_usd=1.0))
    assert "unknown" in estimated(PAID._replace(model="openai-api/mine/student"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (PAID._replace(grader=None), "grader: model needs a grader model, --grader NAME"),
        (PAID._replace(grader=PAID.model), "no model may grade itself"),
        (PAID._replace(grader=None, grader_base_url="http://127.0.0.1:9"), "name it by --grader"),
        (PAID._replace(model="openai-api/mine/student", budget_usd=5.0), "--budget needs the price of openai-api/mine"),
        (PAID._replace(model_args=["device"]), "-M device: not of the form key=value"),
        (PAID._replace(exclude=Path("nowhere")), "no such dataset folder"),
    ],
)
def test_a_mistake_is_one_line_before_anything_is_asked(options: Options, message: str) -> None:
    with pytest.raises(UsageError, match=re.escape(message)) as caught:
        estimated(options)
    assert "\n" not in str(caught.value)


def test_the_table_and_the_lines_that_lead_on(recipe: Path, checkpoint: Path, tmp_path: Path) -> None:
    screen, out = StringIO(), tmp_path / "run"
    run = run_eval(recipe, out, Options(model=f"folder/{checkpoint}"), Console(file=screen))
    told = screen.getvalue()
    assert re.search(r"^held-out +2 +\d+\.\d% \[\d+\.\d%, \d+\.\d%\] .* 0 +16 +8$", told, re.MULTILINE)
    assert "progress 32/32 " in told and f"look     inspect view --log-dir {out}" in told
    assert f"report   dskill report {out}" in told and "dskill compare" in told
    assert read_run(out) == run and run.model == f"folder/{checkpoint.name}"
    assert str(tmp_path) not in (out / f"results-{run.fingerprint}.json").read_text()  # no path of this machine


def test_json_is_all_that_is_printed(
    recipe: Path, checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = Options(model=f"folder/{checkpoint}", limit=3, temperature=0.0, seed=4)
    run = run_eval(recipe, tmp_path / "run", options, Console(), as_json=True)
    printed, progress = capsys.readouterr()
    found = json.loads(printed)
    assert read_run(Path(found["results"])) == run and [cell["n_combinations"] for cell in found["cells"]] == [3, 3]
    assert not any("rows" in cell for cell in found["cells"]) and "progress 12/12 " in progress
    assert run.suite and (run.suite.temperature, run.suite.seed, run.suite.n) == (0.0, 4, 3)


def test_a_folder_to_write_is_needed(recipe: Path) -> None:
    with pytest.raises(UsageError, match="--out is missing"):
        run_eval(recipe, None, Options(model="folder/x"), Console())


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("kk=3", "no option 'kk', did you mean 'k'"),
        ("temprature=0", "no option 'temprature', did you mean 'temperature'?"),
        ("split=heldout", "did you mean 'held-out'?"),
        ("limit=9", "has a sentence limit of its own"),
        ("prompts=naturall", "did you mean 'natural'?"),
    ],
)
def test_a_wrong_option_is_what_inspect_shows_as_one_line(option: str, message: str) -> None:
    name, _, value = option.partition("=")
    with pytest.raises(PrerequisiteError) as caught:
        skillmix(**{name: int(value) if value.isdigit() else value})
    assert message in str(caught.value.message) and "\n" not in str(caught.value.message)


@pytest.mark.slow
def test_inspect_finds_the_task_and_tells_a_wrong_option_in_a_line(checkpoint: Path, tmp_path: Path) -> None:
    def inspect(*options: str) -> "subprocess.CompletedProcess[str]":
        command = [str(Path(sys.executable).with_name("inspect")), "eval", "dskill/skillmix", *options]
        environment = os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "150", "INSPECT_LOG_DIR": str(tmp_path)}
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)

    model = ("--model", f"folder/{checkpoint}", "--display", "plain")
    done = inspect("-T", "k=2", "-T", "n=4", "-T", "max_tokens=16", *model)
    assert done.returncode == 0, done.stderr + done.stdout
    assert len(list(tmp_path.glob("*.eval"))) == 1 and "full_marks" in done.stdout
    wrong = inspect("-T", "kk=3", *model)
    assert wrong.returncode != 0 and "Traceback" not in wrong.stdout + wrong.stderr
    assert "no option 'kk', did you mean 'k'" in wrong.stdout + wrong.stderr
