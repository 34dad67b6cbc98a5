"""Training that another system does: handed over once, taken up when it is whole, never half of it."""

import json
import os
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest
import yaml
from rich.console import Console
from tiny import call

from datasets_builder.skillmix.errors import OutsideError, ResumeError, UsageError
from study.execute import AwayError, run_stages
from study.plan import TRAINED, Stage, plan
from study.progress import PlainProgress
from study.recipe import load_study
from study.stages import RunFolder

QUEUE = """
import pathlib, sys
recipe, output, seed, name = sys.argv[1:]
with open("queue.txt", "a") as queue:
    queue.write(f"{recipe} {output} {seed} {name}\\n")
print("Submitted batch job 7")
"""


def hand_over(folder: Path, code: str = "pass", **inputs: object) -> list[Stage]:
    """A stage whose command only takes the job, and one that builds on it."""
    taken = f"open('jobs', 'a').write('job\\n'); {code}"
    train = Stage("train", (sys.executable, "-c", taken), "checkpoints/a", inputs=inputs, handed_over=True)
    make = "from pathlib import Path; Path('{out}').mkdir()"
    return [train, Stage("eval", (sys.executable, "-c", make), "evaluations/a", needs=("train",))]


def run(stages: list[Stage], folder: Path, patient: bool = False) -> str:
    console = Console(file=StringIO(), width=300)
    run_stages(stages, RunFolder(folder), 2, PlainProgress(console), patient)
    return console.file.getvalue()  # type: ignore[attr-defined]


def finish(folder: Path) -> None:
    """What a job does, late."""
    (folder / "checkpoints/a").mkdir(parents=True, exist_ok=True)
    (folder / "checkpoints/a/model.safetensors").write_text("weights")
    (folder / "checkpoints/a" / TRAINED).touch()


def test_a_job_is_given_once_and_taken_up_when_it_is_whole(tmp_path: Path) -> None:
    with pytest.raises(AwayError, match=r"same command goes on with checkpoints/a/trained"):
        run(hand_over(tmp_path), tmp_path)
    (tmp_path / "checkpoints/a").mkdir(parents=True)
    (tmp_path / "checkpoints/a/model.safetensors").write_text("half")
    with pytest.raises(AwayError):
        run(hand_over(tmp_path), tmp_path)
    assert not (tmp_path / "evaluations").exists()
    finish(tmp_path)
    assert "eval: done" in run(hand_over(tmp_path), tmp_path)
    assert (tmp_path / "jobs").read_text() == "job\n"
    assert {p.name for p in (tmp_path / "stages").iterdir()} == {"train.json", "eval.json"}


def test_waiting_takes_it_up_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("study.execute.EVERY", 0.05)
    code = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {_late(tmp_path)!r}])"
    assert "eval: done" in run(hand_over(tmp_path, code), tmp_path, patient=True)


def _late(folder: Path) -> str:
    made = "from pathlib import Path; import time; time.sleep(0.5); out = Path('checkpoints/a'); "
    return made + "out.mkdir(parents=True); (out / 'trained').touch()"


def test_a_job_that_cannot_be_given_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OutsideError, match=r"'train' failed \(exit code 1\): no such partition"):
        run(hand_over(tmp_path, "print('no such partition'); exit(1)"), tmp_path)
    assert not list((tmp_path / "stages").iterdir())


def test_a_recipe_changed_while_its_job_runs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AwayError):
        run(hand_over(tmp_path, steps=4000), tmp_path)
    with pytest.raises(ResumeError, match=r"steps: 4000 -> 2000"):
        run(hand_over(tmp_path, steps=2000), tmp_path)


def test_an_unknown_field_of_the_command(tiny: Path) -> None:
    with pytest.raises(UsageError, match=r"unknown field \{recipee\}, did you mean 'recipe'\?"):
        load_study(tiny, train_command="sbatch {recipee}")
    tiny.write_text(tiny.read_text() + "train_command: sbatch {outputdir}\n")
    with pytest.raises(UsageError, match=r"tiny\.yml: key 'train_command': unknown field .* did you mean 'output_dir'"):
        load_study(tiny)


def test_variables_of_a_shell_are_left_alone(tiny: Path) -> None:
    study = load_study(tiny, train_command="sh -c 'run ${HOME} {output_dir}'")
    stage = next(s for s in plan(study, Path("axolotl")) if s.name == "train (1)")
    assert stage.command == ("sh", "-c", "run ${HOME} checkpoints/sft-k1")


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_the_whole_study_with_a_scheduler_that_runs_later(root: Path, tiny: Path, tmp_path: Path) -> None:
    """The queue takes jobs; a second process works them off by the local launcher; the study ends with its report."""
    from axolotl_configs.launch import environment, find_axolotl

    (tmp_path / "take_job.py").write_text(QUEUE)
    command = f"{sys.executable} {tmp_path}/take_job.py {{recipe}} {{output_dir}} {{seed}} {{name}}"
    output = ""
    for _ in range(2):  # the base, and what builds on it
        code, output = call("study", tiny, "--train-command", command, cwd=tmp_path)
        assert code == 3 and "the same command goes on" in " ".join(output.split()), output
        job = (tmp_path / "runs/tiny/queue.txt").read_text().splitlines()[-1].split()[:3]
        subprocess.run(
            ["sh", root / "recipes/launch/local.sh", *job],
            cwd=tmp_path / "runs/tiny",
            env={**os.environ, **environment(find_axolotl(), offline=True)},
            check=True,
            capture_output=True,
        )
    code, output = call("study", tiny, "--train-command", command, cwd=tmp_path)
    assert code == 0 and "full marks" in output, output
    assert len((tmp_path / "runs/tiny/queue.txt").read_text().splitlines()) == 2
    made_of = json.loads((tmp_path / "runs/tiny/checkpoints/sft-k1/data.json").read_text())
    assert made_of["datasets"][0]["path"] == "./dataset"


def test_the_launchers_take_what_the_study_gives(root: Path, tiny: Path) -> None:
    """Every launcher's own line is a train_command that the study accepts."""
    launchers = [path for path in (root / "recipes/launch").iterdir() if path.is_file()]
    assert {path.stem for path in launchers} == {"local", "slurm", "skypilot", "hf-jobs"}
    for path in launchers:
        line = next(x for x in path.read_text().splitlines() if x.startswith("# train_command: "))
        study = load_study(tiny, train_command=line.removeprefix("# train_command: "))
        stage = next(s for s in plan(study, Path("axolotl")) if s.name == "train (1)")
        assert stage.handed_over and str(path) in stage.command and "checkpoints/sft-k1" in " ".join(stage.command)
        if path.suffix == ".sh":
            subprocess.run(["sh", "-n", path], check=True)
        else:
            assert yaml.safe_load(path.read_text())["envs"].keys() == {"RECIPE", "OUTPUT_DIR", "SEED"}
