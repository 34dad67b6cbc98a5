"""The run folder and the plan, without running anything heavy."""

import sys
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from datasets_builder.skillmix.errors import OutsideError, ResumeError, UsageError
from study.execute import run_stages
from study.plan import OUT, Stage, plan
from study.progress import PlainProgress
from study.recipe import load_study
from study.stages import RunFolder, differences


def make(name: str, code: str, *needs: str, **inputs: object) -> Stage:
    """A stage that runs a line of Python with ``{out}``, the folder to make."""
    return Stage(
        name, (sys.executable, "-c", f"from pathlib import Path; out = Path('{OUT}'); {code}"), name, needs, inputs
    )


def run(stages: list[Stage], folder: Path, workers: int = 2) -> str:
    console = Console(file=StringIO(), width=200)
    run_stages(stages, RunFolder(folder), workers, PlainProgress(console))
    return console.file.getvalue()  # type: ignore[attr-defined]


def test_a_stage_waits_for_what_it_needs(tmp_path: Path) -> None:
    second = make("b", "out.mkdir(); (out / 'x').write_text(Path('a/x').read_text() * 2)", "a")
    first = make("a", "out.mkdir(); (out / 'x').write_text('1')")
    run([second, first], tmp_path)
    assert (tmp_path / "b/x").read_text() == "11"


def test_a_failed_stage_leaves_no_output_and_no_marker(tmp_path: Path) -> None:
    stages = [make("a", "out.mkdir()"), make("b", "out.mkdir(); print('the disk is full'); exit(1)", "a")]
    with pytest.raises(OutsideError, match=r"stage 'b' failed \(exit code 1\): the disk is full \(log: .*b\.log\)"):
        run(stages, tmp_path)
    folder = RunFolder(tmp_path)
    assert folder.seconds(stages[0]) is not None and folder.seconds(stages[1]) is None and not (tmp_path / "b").exists()


def test_a_users_mistake_inside_a_stage_keeps_its_exit_code(tmp_path: Path) -> None:
    with pytest.raises(OutsideError) as caught:
        run([make("a", "print('error: no such recipe'); exit(2)")], tmp_path)
    assert caught.value.exit_code == 2 and "no such recipe" in str(caught.value)


def test_a_failure_stops_what_runs_beside_it(tmp_path: Path) -> None:
    stages = [make("slow", "import time; time.sleep(60)"), make("bad", "import time; time.sleep(0.3); exit(1)")]
    with pytest.raises(OutsideError, match="'bad' failed"):
        run(stages, tmp_path)
    assert not (tmp_path / "stages/slow.json").exists()


def test_a_half_written_working_folder_is_not_taken_over(tmp_path: Path) -> None:
    (tmp_path / ".a.working").mkdir(parents=True)
    (tmp_path / ".a.working/old").write_text("half")
    run([make("a", "out.mkdir(); (out / 'new').write_text('')")], tmp_path)
    assert [p.name for p in (tmp_path / "a").iterdir()] == ["new"]


def test_progress_is_read_from_what_a_command_prints(tmp_path: Path) -> None:
    lines = ["progress 5/10 texts", " 80%|########  | 8/10 [00:01<00:00, 7.9it/s] {'loss': '1.25'}"]
    output = run([make("a", f"out.mkdir(); [print(x) for x in {lines!r}]")], tmp_path)
    assert "a: 5/10 texts" in output and "a: 8/10 loss 1.25" in output


def test_two_studies_in_one_folder_are_refused(tmp_path: Path) -> None:
    with (
        RunFolder(tmp_path).locked(),
        pytest.raises(UsageError, match="another study runs in this folder"),
        RunFolder(tmp_path).locked(),
    ):
        pass


def test_changed_inputs_are_named(tmp_path: Path) -> None:
    run([make("a", "out.mkdir()", recipe={"n": 1, "deep": {"x": [1, 2]}})], tmp_path)
    with pytest.raises(ResumeError, match=r"recipe\.deep\.x\[1\]: 2 -> 3"):
        run([make("a", "out.mkdir()", recipe={"n": 1, "deep": {"x": [1, 3]}})], tmp_path)


def test_differences() -> None:
    assert differences({"a": 1, "b": {"c": 2}}, {"a": 1, "b": {"c": 3}, "d": 4}) == ["b.c: 2 -> 3", "d: None -> 4"]
    assert differences([1, 2], [1]) == [": [1, 2] -> [1]"]
    assert differences({"a": [1]}, {"a": [1]}) == []


def test_an_arm_waits_for_the_arm_that_makes_its_base_model(root: Path) -> None:
    stages = {s.name: s for s in plan(load_study(root / "recipes/studies/miniature.yml"), Path("axolotl"))}
    assert stages["train base"].needs == ("corpus", "data")
    assert stages["train (1,2,3)"].needs == ("corpus", "data", "train base")
    assert stages["eval (1)"].needs == ("data", "train (1)")
    assert stages["train (1)"].output == "checkpoints/sft-k1"


def test_a_base_model_that_no_arm_makes(tiny: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "recipes/train/miniature/sft-k1.yml"
    recipe.write_text(recipe.read_text().replace("./checkpoints/base", "./checkpoints/bass"))
    with pytest.raises(
        UsageError, match=r"sft-k1\.yml: key 'base_model': no arm of the study has output_dir 'checkpoints/bass'"
    ):
        plan(load_study(tiny), Path("axolotl"))
