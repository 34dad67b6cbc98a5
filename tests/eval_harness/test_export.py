"""What goes to the Hub: read back by the Hub's own client, run by Inspect's own loader, searched for private words."""

import json
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import yaml
from datasets import load_dataset
from huggingface_hub import ModelCard, parse_eval_result_entries
from inspect_ai import eval as evaluate
from inspect_ai._eval.task import hf
from inspect_ai.log import EvalRevision, read_eval_log, write_eval_log
from inspect_ai.model import ChatMessage, GenerateConfig, ModelAPI, ModelOutput, ModelUsage, modelapi
from mock_models import mock, teach

from datasets_builder.skillmix.errors import DskillError, UsageError
from eval_harness.export import export_run
from eval_harness.log_bundle import bundle_logs
from eval_harness.results import EvalRun, read_run, write_run
from eval_harness.scrub import make_scrub, scrub_all
from eval_harness.suite import run_suite
from eval_harness.suite_config import EvalSuite

MODEL, BENCH = "my-lab/tiny", "my-lab/skillmix-miniature"
SUITE = EvalSuite(
    catalogue="miniature", grader="miniature", splits=("train", "held-out"), k=(1, 2), n=5, generations=2, revise=True
)
Run = Callable[..., tuple[int, str, str]]


def forgetful(calls: Iterator[int]) -> Callable[[list[ChatMessage]], str]:
    """The scripted teacher, who says nothing of use every third time: texts of one combination differ."""
    return lambda messages: teach(messages) if next(calls) % 3 else "the boat drifts ."


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of a forgetful teacher with its logs, in a folder whose name must not be published."""
    folder = tmp_path_factory.mktemp("private-folder")
    run_suite(SUITE, mock(forgetful(count())), folder)
    return folder


@pytest.fixture(scope="module")
def exported(finished: Path) -> Path:
    out = finished / "export"
    export_run(finished, MODEL, BENCH, out, judge="tinyjudge/strict", logs_url="https://hub.test/logs")
    return out


def files(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Every file with its content; those of logs and Parquet are unpacked first."""
    import inspect_ai._util.zipfile  # noqa: F401 (teaches zipfile the compression of logs)

    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = str(path.relative_to(folder))
        if path.suffix == ".eval":
            with zipfile.ZipFile(path) as log:
                yield from ((f"{name}/{entry}", log.read(entry)) for entry in log.namelist())
        elif path.suffix == ".parquet":
            yield name, json.dumps(load_dataset("parquet", data_files=str(path), split="train").to_list()).encode()
        else:
            yield name, path.read_bytes()


def test_the_layout(exported: Path) -> None:
    found = {str(path.relative_to(exported)) for path in exported.rglob("*") if path.is_file()}
    assert {
        "model/.eval_results/skillmix.yaml",
        "model/model-index.yml",
        "benchmark/README.md",
        "benchmark/eval.yaml",
        "benchmark/data/held-out_k2/test-00000-of-00001.parquet",
        "logs/index.html",
        "logs/logs/listing.json",
    } <= found
    assert len([name for name in found if name.endswith(".eval")]) == 4


def test_nothing_private_is_in_any_file(exported: Path, finished: Path, root: Path) -> None:
    words = [str(finished), finished.name, tempfile.gettempdir() + "/", str(root), str(Path.home()), "mockllm"]
    seen = 0
    for name, content in files(exported):
        seen += 1
        if not name.startswith("logs/assets/"):  # Inspect's viewer, as it is installed
            assert not [word for word in words if word.encode() in content], name
    assert seen > 60  # 40 samples among them


def test_eval_results_by_the_hubs_client(exported: Path, finished: Path) -> None:
    run = read_run(finished)
    assert any(0 < cell.full_marks < cell.full_marks_max for cell in run.cells)
    entries = parse_eval_result_entries(yaml.safe_load((exported / "model/.eval_results/skillmix.yaml").read_text()))
    assert [entry.task_id for entry in entries] == [f"skillmix_{s}_k{k}" for s in ("train", "held-out") for k in (1, 2)]
    for entry, cell in zip(entries, run.cells, strict=True):
        assert entry.dataset_id == BENCH and entry.value == pytest.approx(cell.full_marks, abs=1e-4)
        assert entry.source_url == "https://hub.test/logs" and entry.date == run.provenance.created
        assert entry.notes is not None
        for word in (f"{cell.low:.3f} to {cell.high:.3f}", "best of 2", "grader miniature, 1 vote", "5 combinations"):
            assert word in entry.notes


def test_model_index_makes_the_round_trip(exported: Path, finished: Path) -> None:
    block = (exported / "model/model-index.yml").read_text()
    card = ModelCard(f"---\nlicense: apache-2.0\n{block}---\n\n# Tiny\n")
    results = card.data.eval_results
    assert card.data.model_name == "tiny" and results is not None and len(results) == 4 * 6
    again = ModelCard(str(card)).data.eval_results
    assert again == results
    cell = next(cell for cell in read_run(finished).cells if cell.full_marks < cell.full_marks_max)
    config = f"{cell.split}_k{cell.k}"
    found = {(r.metric_type, r.metric_name): r.metric_value for r in results if r.dataset_config == config}
    assert found["full_marks", "full marks, mean per text"] == pytest.approx(cell.full_marks, abs=1e-4)
    assert found["full_marks", "full marks, best of 2 texts"] == pytest.approx(cell.full_marks_max, abs=1e-4)
    assert found["skills_fraction", "skills fraction, mean per text"] == pytest.approx(cell.skills_fraction, abs=1e-4)


def test_the_dataset_loads_as_its_card_says(exported: Path, finished: Path) -> None:
    run = read_run(finished)
    for cell in run.cells:
        rows = load_dataset(str(exported / "benchmark"), f"{cell.split}_k{cell.k}", split="test")
        assert set(rows["id"]) == {row.combination for row in cell.rows} and len(rows) == 5
        assert rows[0]["prompt"].startswith("write 1 on ") and rows[0]["revise"].startswith("revise to at most 1")
        assert rows[0]["criteria"].count("It shows the skill") == cell.k and "Near miss" in rows[0]["criteria"]
    readme = (exported / "benchmark/README.md").read_text()
    assert f"inspect eval hf/{BENCH}/skillmix_train_k1 --model <model> --temperature 0.7" in readme
    assert "no score here can be\ncompared with a published one" in readme


asked: list[str] = []  # of the judge


@modelapi(name="tinyjudge")
class Judge(ModelAPI):
    """Gives full marks to texts that are asked for two skills; the loader makes it from its name in eval.yaml."""

    async def generate(self, input: list[ChatMessage], tools: Any, tool_choice: Any, config: GenerateConfig) -> Any:
        asked.append(input[-1].text)
        full = "End of the answer" in input[-1].text and input[-1].text.count("- It shows the skill") == 2
        output = ModelOutput.from_content("tinyjudge/strict", f"All seen.\nGRADE: {'C' if full else 'I'}")
        output.usage = ModelUsage(input_tokens=1, output_tokens=1, total_tokens=2)
        return output


@pytest.fixture
def from_the_hub(exported: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], list[Any]]:
    """Inspect's own loader of ``hf/`` tasks; only the download is replaced by the folder."""
    whole, there = hf.hf_dataset, str(exported / "benchmark")
    monkeypatch.setattr("huggingface_hub.hf_hub_download", lambda filename, **_: f"{there}/{filename}")
    monkeypatch.setattr(hf, "hf_dataset", lambda path, revision, **rest: whole(there, cached=False, **rest))
    return hf.task_create_from_hf


def test_inspect_accepts_eval_yaml(exported: Path, from_the_hub: Callable[[str], list[Any]]) -> None:
    content = yaml.safe_load((exported / "benchmark/eval.yaml").read_text())
    tasks = [hf.HFTask.model_validate(task) for task in content["tasks"]]  # unknown keys are refused
    assert [(task.id, task.epochs, task.epoch_reducer) for task in tasks][:1] == [("skillmix_train_k1", 2, "mean")]
    assert content["evaluation_framework"] == "inspect-ai" and content["name"]
    assert len(from_the_hub(f"hf/{BENCH}")) == 4


def test_inspect_runs_the_benchmark(from_the_hub: Callable[[str], list[Any]], tmp_path: Path) -> None:
    """Two turns, the judge sees the criteria and the second answer, mean over two texts of each combination."""
    asked.clear()
    for k, accuracy in ((1, 0.0), (2, 1.0)):
        (task,) = from_the_hub(f"hf/{BENCH}/skillmix_held-out_k{k}")
        (log,) = evaluate(task, mock(teach), log_dir=str(tmp_path), display="none")
        assert log.status == "success" and log.results is not None and log.samples is not None
        assert log.results.scores[0].metrics["accuracy"].value == accuracy
        assert len(log.samples) == 10 and [m.role for m in log.samples[0].messages] == ["user", "assistant"] * 2
        assert log.samples[0].messages[2].text.startswith("revise to at most 1 on ")
        assert set(log.samples[0].metadata) == {"id", "skills", "topic", "limit", "revise"}
    assert len(asked) == 20 and all("It is about" in prompt and "{" not in prompt for prompt in asked)


def test_the_bundle_shows_texts_and_marks(exported: Path, finished: Path) -> None:
    path = next(path for path in sorted((exported / "logs/logs").glob("*.eval")) if "held-out-k2" in path.name)
    log, own = read_eval_log(str(path)), read_eval_log(str(finished / path.name))
    assert log.eval.model == MODEL and log.eval.revision is None and log.eval.task_args["k"] == 2
    assert log.samples is not None and own.samples is not None and log.results == own.results
    for one, other in zip(log.samples, own.samples, strict=True):
        assert [m.text for m in one.messages] == [m.text for m in other.messages]
        assert one.scores is not None and other.scores is not None
        assert {n: (s.value, s.answer) for n, s in one.scores.items()} == {
            n: (s.value, s.answer) for n, s in other.scores.items()
        }
        assert not one.events and other.events


def test_servers_and_repositories_stay_at_home(finished: Path, tmp_path: Path) -> None:
    path = sorted(finished.glob("*.eval"))[0]
    log = read_eval_log(str(path))
    log.eval.model_base_url, log.eval.model_args = "https://inner.test/v1", {"host": "inner.test"}
    log.eval.revision = EvalRevision(type="git", origin="git@inner.test:me/secret", commit="0123456")
    write_eval_log(log, str(tmp_path / path.name))
    assert any(b"inner.test" in content for _, content in files(tmp_path))
    bundle_logs([tmp_path / path.name], tmp_path / "out", MODEL)
    assert not any(b"inner.test" in content for _, content in files(tmp_path / "out"))


def test_a_log_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "x.eval").write_bytes(b"PK\x03\x04 no log")
    with pytest.raises(DskillError, match="cannot be bundled"):
        bundle_logs([tmp_path / "x.eval"], tmp_path / "out", MODEL)


def test_scrub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("EXAMPLE_API_KEY", "abcd-1234-efgh")
    monkeypatch.setenv("EXAMPLE_TOKEN", "one")  # too short to be a key
    home = Path.home()
    scrub = make_scrub({"folder//srv/x/k2": "my-lab/k2"})
    assert scrub("folder//srv/x/k2 wrote one") == "my-lab/k2 wrote one"
    assert scrub(f"see {home}/runs/a.eval, and {tmp_path}/b") == "see a.eval, and b"
    assert scrub("key abcd-1234-efgh and sk-0123456789abcdef0123") == "key [removed] and [removed]"
    assert scrub("hf_abcdefghijklmnopqrstuv") == "[removed]"
    assert scrub("https://me:secret@host.test/x") == "https://[removed]host.test/x"
    assert scrub("served by http://127.0.0.1:8000/v1 .") == "served by [removed] ."
    plain = "either/or, 1/2, a 24/7 shop; https://huggingface.co/org/name and tmpfile"
    assert scrub(plain) == plain
    assert scrub_all({f"{home}/m": [1, None, f"{home}/n"]}, scrub) == {"m": [1, None, "n"]}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"model_id": "tiny"}, "--model-id 'tiny': the Hub needs namespace/name"),
        ({"dataset_id": "a/b/c"}, "--dataset-id"),
        ({"model_id": "../../etc"}, "--model-id"),
        ({"judge": None}, "no model that others can ask"),
        ({"judge": "hf//home/ann/judge"}, "no model that others can ask"),
        ({"logs_url": "javascript:alert(1)"}, "--logs-url"),
    ],
)
def test_mistakes(finished: Path, tmp_path: Path, change: dict[str, Any], words: str) -> None:
    options = {"model_id": MODEL, "dataset_id": BENCH, "out": tmp_path / "out", "judge": "openai/gpt-5", **change}
    with pytest.raises(UsageError) as error:
        export_run(finished, **options)
    assert words in str(error.value) and "\n" not in str(error.value)
    assert not list(tmp_path.iterdir())


def alter(run: EvalRun, folder: Path, **changes: object) -> Path:
    """The run with another provenance, without its logs."""
    provenance = run.provenance.model_copy(update=changes)
    return write_run(run.model_copy(update={"provenance": provenance}), folder)


def test_runs_that_lack_what_a_part_needs(finished: Path, tmp_path: Path) -> None:
    run = read_run(finished)
    for path, words in (
        (alter(run, tmp_path / "a"), "put it back, or leave the logs out"),
        (alter(run, tmp_path / "b", prompts="0123456789ab"), "prompts have changed since this run"),
        (write_run(run.model_copy(update={"suite": None}), tmp_path / "c"), "requests are unknown"),
    ):
        with pytest.raises(UsageError, match=words):
            export_run(path, MODEL, BENCH, tmp_path / "out", judge="openai/gpt-5")
    done = export_run(tmp_path / "c", MODEL, BENCH, tmp_path / "out", benchmark=False, logs=False)
    assert (done.cells, done.rows, done.log_bytes) == (4, None, None)
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"model"}
    with pytest.raises(UsageError, match="not empty"):
        export_run(tmp_path / "c", MODEL, BENCH, tmp_path / "out", benchmark=False, logs=False)


def test_the_verb(finished: Path, dskill: Run, tmp_path: Path) -> None:
    ids = ("--model-id", MODEL, "--dataset-id", BENCH)
    code, out, err = dskill("export", finished, *ids, "--out", tmp_path / "e", "--judge", "openai/gpt-5")
    assert code == 0, err
    assert f"20 rows and eval.yaml for {BENCH}" in out and "MB, open index.html" in out
    assert len(out.strip().splitlines()) == 3
    code, _, err = dskill("export", finished, *ids, "--out", tmp_path / "f")
    assert code == 2 and err.startswith("error: grader 'miniature' is no model") and not (tmp_path / "f").exists()
