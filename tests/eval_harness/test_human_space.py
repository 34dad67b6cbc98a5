"""The page as a Space: a folder that runs on its own, and tells nobody who wrote the texts."""

import subprocess
import sys
import tomllib
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from human_runs import SECRETS, make_run

from datasets_builder.skillmix.errors import ResumeError, UsageError
from eval_harness.human import app
from eval_harness.human.page import GRADIO
from eval_harness.human.sampling import draw_plan
from eval_harness.human.space import REQUIREMENTS, write_space

ALONE = """
import sys
folder, site = sys.argv[1:]
sys.path[:] = [folder, *(path for path in sys.path if "python3" in path), site]
import app
served = []
app.launch = lambda page, host: served.append(page)
class Page:
    pass
import gradio
gradio.Blocks.block_thread = lambda self: print("serves", len(self.blocks), "components")
app.main()
ours = [m for n, m in sys.modules.items() if n.split(".")[0] in ("app", "eval_harness", "datasets_builder")]
assert all(m.__file__.startswith(folder) for m in ours), [m.__file__ for m in ours]
assert not {"torch", "transformers", "inspect_ai", "distilabel"} & set(sys.modules)
"""


@pytest.fixture
def space(tmp_path: Path) -> Path:
    write_space(draw_plan(make_run(), 100, 0, 0.25), tmp_path / "space")
    return tmp_path / "space"


def test_it_runs_from_its_own_files_alone(space: Path) -> None:
    pytest.importorskip("gradio")
    site = str(Path(pytest.__file__).parent.parent)
    done = subprocess.run([sys.executable, "-I", "-c", ALONE, str(space), site], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "serves" in done.stdout


def test_the_header_is_one_that_the_hub_reads(space: Path) -> None:
    _, header, body = (space / "README.md").read_text().split("---\n", 2)
    facts = yaml.safe_load(header)
    assert (facts["sdk"], facts["app_file"]) == ("gradio", "app.py") and (space / "app.py").is_file()
    assert f"gradio>={facts['sdk_version'].rsplit('.', 1)[0]}" == GRADIO.split(",")[0]
    assert len(facts["short_description"]) <= 60 and "4 short texts" in body


def test_requirements_are_those_of_the_project(space: Path, root: Path) -> None:
    assert (space / "requirements.txt").read_text().split() == list(REQUIREMENTS)
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    listed = [*project["dependencies"], *(one for group in project["optional-dependencies"].values() for one in group)]
    names = {entry.split(">=")[0]: entry for entry in listed if ">=" in entry}
    assert [one for one in REQUIREMENTS if names.get(one.split(">=")[0], one) != one] == []


def test_no_file_tells_model_or_grader(space: Path) -> None:
    written = "".join(path.read_text() for path in space.rglob("*") if path.suffix in (".json", ".md", ".txt"))
    assert not [secret for secret in SECRETS if secret in written]


def test_the_same_export_again_and_what_it_refuses(space: Path, tmp_path: Path) -> None:
    write_space(draw_plan(make_run(), 100, 0, 0.25), space)
    with pytest.raises(ResumeError, match="--seed 0, now 1"):
        write_space(draw_plan(make_run(), 100, 1, 0.25), space)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("mine")
    with pytest.raises(UsageError, match="holds other things"):
        write_space(draw_plan(make_run(), 100, 0, 0.25), tmp_path / "full")


def test_labels_are_fetched_before_they_are_uploaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[str, dict[str, object]]] = []

    def note(name: str) -> object:
        return lambda *args, **options: calls.append((name, {"repo_id": args[0], **options} if args else options))

    names = ("create_repo", "snapshot_download", "CommitScheduler")
    monkeypatch.setitem(sys.modules, "huggingface_hub", SimpleNamespace(**{name: note(name) for name in names}))
    app.keep_labels("org/labels", tmp_path)
    assert [name for name, _ in calls] == list(names)
    assert {options["repo_id"] for _, options in calls} == {"org/labels"}
    assert {options["repo_type"] for _, options in calls} == {"dataset"}
    assert calls[0][1]["private"] is True and calls[2][1]["allow_patterns"] == "*.parquet"
