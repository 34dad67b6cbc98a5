"""A suite from its file to its results, on a checkpoint folder and on mock models."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from inspect_ai.model import ChatMessage
from mock_models import mock, teach

from datasets_builder.miniature.grader import grade_reply
from datasets_builder.skillmix.catalogue import SHIPPED, PartitionConfig, load_catalogue
from datasets_builder.skillmix.config import read_config
from datasets_builder.skillmix.errors import OutsideError, UsageError
from eval_harness.results import read_run
from eval_harness.run import Progress
from eval_harness.suite import run_suite
from eval_harness.suite_config import EvalSuite

SUITE = EvalSuite(
    catalogue="miniature", grader="miniature", splits=("train", "held-out"), k=(1, 2), n=20, max_tokens=40
)
SPLIT = SUITE.model_copy(update={"partition": PartitionConfig(by="random", train=29, seed=1)})


def test_the_shipped_suite_is_valid() -> None:
    suite = read_config(EvalSuite, Path(__file__).parents[2] / "recipes/eval/miniature.yml")
    cells = suite.cells()
    assert [(cell.split, cell.k, cell.n) for cell in cells[:4]] == [
        ("train", 1, 200),
        ("train", 2, 400),
        ("train", 3, 400),
        ("train", 4, 200),
    ]
    assert len(cells) == 10


def test_a_folder_is_evaluated_once_and_read_back(checkpoint: Path, tmp_path: Path) -> None:
    progress: list[Progress] = []
    run = run_suite(SPLIT, f"folder/{checkpoint}", tmp_path, progress=progress.append)
    results = run.cells
    assert [(r.split, r.k) for r in results] == [("train", 1), ("train", 2), ("held-out", 1), ("held-out", 2)]
    assert [(r.n_combinations, r.generations) for r in results] == [(20, 1), (20, 1), (12, 2), (12, 2)]
    assert [(state.done, state.total) for state in progress] == [(done, 88) for done in range(1, 89)]
    logs = sorted(tmp_path.glob("*.eval"))
    assert len(logs) == 4
    assert run_suite(SPLIT, f"folder/{checkpoint}", tmp_path) == run
    assert sorted(tmp_path.glob("*.eval")) == logs
    assert read_run(tmp_path) == run == read_run(next(tmp_path.glob("results-*.json")))
    assert run.cell("held-out", 2) == results[3] and run.cell("all", 2) is None
    assert not tmp_path.with_name(f"{tmp_path.name}.cache").exists()  # of a folder nothing is kept


def test_the_same_weights_write_the_same_texts(checkpoint: Path, tmp_path: Path) -> None:
    first = run_suite(SUITE, f"folder/{checkpoint}", tmp_path / "a").cells
    second = run_suite(SUITE, f"folder/{checkpoint}", tmp_path / "b").cells
    assert first == second
    texts = [row.text for result in first for row in result.rows]
    assert len(set(texts)) > len(texts) / 2


def test_every_model_is_asked_the_same_and_others_weights_are_evaluated_anew(
    checkpoint: Path, tmp_path: Path, make_checkpoint: Callable[..., Path]
) -> None:
    folder = make_checkpoint(tmp_path / "ck", seed=0)
    first = run_suite(SUITE, f"folder/{folder}", tmp_path / "logs").cells
    make_checkpoint(folder, seed=1)
    second = run_suite(SUITE, f"folder/{folder}", tmp_path / "logs").cells
    for a, b in zip(first, second, strict=True):
        assert [(row.combination, row.skills) for row in a.rows] == [(row.combination, row.skills) for row in b.rows]
        assert [row.text for row in a.rows] != [row.text for row in b.rows]


def test_what_shapes_a_score_is_in_the_fingerprint(tmp_path: Path) -> None:
    small = SUITE.model_copy(update={"splits": ("train",), "k": (2,), "n": 3})
    model = mock(teach)
    run_suite(small, model, tmp_path)
    for suite in [
        small,
        small.model_copy(update={"max_unscored": 0.5}),
        small.model_copy(update={"seed": 1}),
        small.model_copy(update={"partition": SPLIT.partition}),
        small.model_copy(update={"temperature": 0.1}),
    ]:
        run_suite(suite, model, tmp_path)
    assert len(list(tmp_path.glob("results-*.json"))) == 4


def test_a_missing_folder_is_one_line_before_any_log(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such checkpoint folder") as caught:
        run_suite(SUITE, f"folder/{tmp_path}/none", tmp_path / "logs")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "logs").exists()


def test_an_unknown_provider_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nosuchapi") as caught:
        run_suite(SUITE, "nosuchapi/model", tmp_path)
    assert "\n" not in str(caught.value)


def test_no_model_grades_itself(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no model may grade itself"):
        run_suite(SUITE.model_copy(update={"grader": "model"}), mock(teach), tmp_path)


def test_a_failed_cell_is_an_outside_error_and_leaves_no_results(tmp_path: Path) -> None:
    def fail(_: object) -> str:
        raise RuntimeError("the server is gone")

    with pytest.raises(OutsideError, match="the server is gone") as caught:
        run_suite(SUITE, mock(fail), tmp_path)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.glob("results-*"))


def test_too_many_unreadable_verdicts_fail_the_suite(tmp_path: Path) -> None:
    calls: list[int] = []

    def judge(messages: list[ChatMessage]) -> str:
        calls.append(1)
        return "?" if len(calls) > 4 else grade_reply(messages[0].text)

    suite = SUITE.model_copy(update={"grader": "model", "n": 4, "splits": ("train",), "k": (2,), "generations": 3})
    with pytest.raises(OutsideError, match="% of the verdicts were unreadable, over max_unscored = 5%"):
        run_suite(suite, mock(teach), tmp_path, grader_model=mock(judge))
    assert not list(tmp_path.glob("results-*"))


def test_a_broken_results_file_is_told(tmp_path: Path) -> None:
    small = SUITE.model_copy(update={"splits": ("train",), "k": (2,), "n": 2})
    model = mock(teach)
    run_suite(small, model, tmp_path)
    (path,) = tmp_path.glob("results-*.json")
    path.write_text("{}")
    with pytest.raises(UsageError, match="delete it"):
        run_suite(small, model, tmp_path)


@pytest.mark.parametrize(("key", "value", "message"), [("n_for", {7: 10}, "k = 7"), ("k", (0,), "k = 0")])
def test_a_suite_that_contradicts_itself(key: str, value: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        EvalSuite.model_validate(SUITE.model_dump() | {key: value})


def test_another_seed_is_another_split_draw_and_text() -> None:
    other = SPLIT.with_seed(7)
    assert (other.seed, other.partition.seed, other.partition.train) == (7, 7, 29)


def test_results_of_no_or_several_suites_are_not_read(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="0 finished suites"):
        read_run(tmp_path)
    for name in "ab":
        (tmp_path / f"results-{name}.json").write_text("{}")
    with pytest.raises(UsageError, match="2 finished suites"):
        read_run(tmp_path)


def test_a_suite_without_common_skills_asks_for_none(tmp_path: Path) -> None:
    folder = shutil.copytree(SHIPPED / "miniature", tmp_path / "world")
    simile = folder / "skills/simile.yml"
    simile.write_text(simile.read_text().replace("common: false", "common: true"))
    suite = SUITE.model_copy(update={"catalogue": str(folder), "splits": ("train",), "k": (1,), "n": 1000})
    suite = suite.model_copy(update={"partition": PartitionConfig(common=False)})
    (cell,) = run_suite(suite, mock(teach), tmp_path / "logs").cells
    asked = {skill for row in cell.rows for skill in row.skills}
    assert asked == set(load_catalogue("miniature").partition().skills("train")) - {"simile"}
