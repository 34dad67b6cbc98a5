"""Runs compared on the same combinations: by hand, refused where they do not match, and safe for a terminal."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from judged_runs import make_run, true_row

from datasets_builder.skillmix.errors import UsageError
from datasets_builder.skillmix.rubric import criteria
from eval_harness.compare import Comparison, compare_runs, contrast_cells
from eval_harness.compare_command import choose_flips
from eval_harness.results import EvalRun, TextRow, write_run
from eval_harness.stats import mcnemar_exact, newcombe, paired_difference

Run = Callable[..., tuple[int, str, str]]


def rows(full: Sequence[int], k: int = 2, generation: int = 1) -> list[TextRow]:
    """One text a combination: full marks where there is a 1, no ``topic`` elsewhere."""
    marks = dict.fromkeys(criteria(("simile", "deixis", "litotes", "belief")[:k]), True)
    return [true_row(i, k, marks | {"topic": bool(mark)}, generation) for i, mark in enumerate(full)]


def run_of(*full: Sequence[int], fingerprint: str = "a", **provenance: object) -> EvalRun:
    """A run whose cells k = 2, 3, ... have these full marks."""
    made = make_run([row for k, found in enumerate(full, 2) for row in rows(found, k)], **provenance)
    return made.model_copy(update={"fingerprint": fingerprint})


A, B = run_of([0] * 6 + [1] * 4), run_of([1] * 5 + [0] + [1] * 3 + [0], fingerprint="b")  # gains 5, loses 1


def test_a_difference_is_paired_by_combination() -> None:
    (found,) = compare_runs([A, B], ["base", "tuned"])
    (cell,) = found.cells
    assert (found.a, found.b, cell.split, cell.k, cell.n) == ("base", "tuned", "train", 2, 10)
    assert (cell.value_a, cell.value_b, cell.gained, cell.lost) == (0.4, 0.8, 5, 1)
    expected = paired_difference([0] * 6 + [1] * 4, [1] * 5 + [0] + [1] * 3 + [0])
    assert (cell.difference, cell.low, cell.high) == expected[1:4]
    assert cell.p_value == cell.p_holm == mcnemar_exact(5, 1) and cell.tied is expected.tied


def test_holm_counts_every_cell_of_every_comparison() -> None:
    base = run_of([0] * 20, [0] * 20)
    tuned = run_of([1] * 8 + [0] * 12, [1] * 6 + [0] * 14, fingerprint="b")
    again = run_of([1] * 10 + [0] * 10, [1] + [0] * 19, fingerprint="c")
    cells = [cell for found in compare_runs([base, tuned, again], ["a", "b", "c"]) for cell in found.cells]
    raw = [mcnemar_exact(gained, 0) for gained in (8, 6, 10, 1)]
    assert [cell.p_value for cell in cells] == raw
    assert [cell.p_holm for cell in cells] == pytest.approx([3 * raw[0], 2 * raw[1], 4 * raw[2], raw[3]])


def test_texts_that_flipped_stand_side_by_side() -> None:
    (found,) = compare_runs([A, B], ["a", "b"])
    assert [flip.gained for flip in found.flips] == [True] * 5 + [False]
    lost = found.flips[-1]
    assert (lost.combination, lost.skills, lost.topic) == ("k2-0009", ("simile", "deixis"), "camping")
    assert lost.marks_a["topic"] and not lost.marks_b["topic"] and lost.text_a == lost.text_b == "text 2 9 1"


def test_flips_are_chosen_from_every_cell_and_direction_in_turn() -> None:
    (found,) = compare_runs([run_of([0, 0, 1], [0, 0]), run_of([1, 1, 0], [1, 1], fingerprint="b")], ["a", "b"])
    chosen = [(flip.k, flip.gained) for flip in choose_flips(found.flips, 4)]
    assert chosen == [(2, True), (2, False), (3, True), (2, True)]


def test_several_texts_are_averaged_or_the_best_counts() -> None:
    a = make_run([*rows([0, 1, 0]), *rows([0, 0, 0], generation=2)], generations=2)
    b = make_run([*rows([0, 1, 0]), *rows([1, 1, 0], generation=2)], generations=2).model_copy(
        update={"fingerprint": "b"}
    )
    (mean,), (best,) = (compare_runs([a, b], ["a", "b"], m)[0].cells for m in ("full_marks", "full_marks_max"))
    assert (mean.value_a, mean.value_b, mean.gained) == (pytest.approx(1 / 6), 0.5, 2)
    assert (best.value_a, best.value_b, best.gained) == (pytest.approx(1 / 3), pytest.approx(2 / 3), 1)
    (found,) = compare_runs([a, b], ["a", "b"])
    assert [(flip.text_a, flip.text_b) for flip in found.flips] == [
        ("text 2 0 1", "text 2 0 2"),  # b's best text
        ("text 2 1 2", "text 2 1 1"),  # a's worst text
    ]


def test_an_unscored_text_is_left_out_and_no_failure() -> None:
    spoilt = [row if i else row.model_copy(update=UNSCORED) for i, row in enumerate(rows([1, 1, 0, 0]))]
    b = make_run(spoilt).model_copy(update={"fingerprint": "b"})
    (cell,) = compare_runs([run_of([1, 1, 0, 0]), b], ["a", "b"])[0].cells
    assert (cell.n, cell.left_out, cell.gained, cell.lost) == (3, 1, 0, 0)


def test_the_best_text_is_compared_at_equal_numbers_of_texts() -> None:
    a = make_run([*rows([0, 0]), *rows([1, 0], generation=2)], generations=2)
    second = rows([1, 0], generation=2)
    b = make_run([*rows([0, 0]), second[0].model_copy(update=UNSCORED), second[1]], generations=2)
    (best,) = compare_runs([a, b.model_copy(update={"fingerprint": "b"})], ["a", "b"], "full_marks_max")[0].cells
    assert (best.n, best.left_out) == (1, 1)


UNSCORED = dict.fromkeys(("marks", "full_marks", "all_skills", "skills_fraction"))


@pytest.mark.parametrize(
    ("setting", "values"),
    [
        ("grader", ("judge/one", "judge/two")),
        ("prompts", ("p1", "p2")),
        ("catalogue_hash", ("c1", "c2")),
        ("votes", (3, 1)),
        ("name_deduction", (True, False)),
        ("revise", (True, False)),
        ("temperature", (0.7, 0.0)),
        ("limit", (None, 9)),
    ],
)
def test_runs_that_do_not_match_are_refused_and_both_values_said(setting: str, values: tuple[object, object]) -> None:
    runs = [run_of([0, 1], fingerprint=name, **{setting: value}) for name, value in zip("ab", values, strict=True)]
    with pytest.raises(UsageError) as refused:
        compare_runs(runs, ["base", "tuned"])
    said = str(refused.value)
    assert said.startswith("base (results-a.json) and tuned (results-b.json) do not match: ")
    assert f"{setting} {values[0]!r} and {values[1]!r}" in said and f"--allow {setting}" in said
    (found,) = compare_runs(runs, ["base", "tuned"], allow=[setting])
    assert found.allowed == (f"{setting} {values[0]!r} and {values[1]!r}",)


def test_other_combinations_are_refused_unless_the_shared_ones_are_asked_for() -> None:
    a, b = run_of([0] * 6, [0] * 2), run_of([1] * 4, [0] * 2, fingerprint="b")
    with pytest.raises(UsageError, match=r"combinations \(6 and 4, 4 of them in both, in 1 of 2 cells, such as train"):
        compare_runs([a, b], ["a", "b"])
    (found,) = compare_runs([a, b], ["a", "b"], allow=["combinations"])
    assert (found.cells[0].n, found.cells[0].left_out) == (4, 2)


def test_other_numbers_of_texts_are_refused() -> None:
    a, b = run_of([0, 1]), make_run([*rows([0, 1]), *rows([1, 1], generation=2)])
    with pytest.raises(UsageError, match=r"generations 1 and 2 \(in 1 of 1 cells"):
        compare_runs([a, b.model_copy(update={"fingerprint": "b"})], ["a", "b"])


def test_cells_of_one_run_alone_are_named() -> None:
    (found,) = compare_runs([run_of([0, 1], [1, 1]), run_of([1, 1], fingerprint="b")], ["a", "b"])
    assert found.only_one == ("train k = 3",) and len(found.cells) == 1
    with pytest.raises(UsageError, match="no combination that both have scored"):
        compare_runs([run_of([0]), make_run(rows([0], k=4))], ["a", "b"])


@pytest.mark.parametrize("labels", [["a", "a"], ["a"], ["a", "b", "c"]])
def test_every_run_needs_a_label_of_its_own(labels: list[str]) -> None:
    with pytest.raises(UsageError, match="a label of its own"):
        compare_runs([A, B], labels)


def test_two_cells_of_one_run_are_a_contrast_and_not_paired() -> None:
    run = run_of([1] * 8 + [0] * 2, [1] * 3 + [0] * 7)
    found = contrast_cells(run, ("train", 2), ("train", 3))
    assert (found.paired, found.n_a, found.n_b, found.difference) == (False, 10, 10, pytest.approx(-0.5))
    assert (found.low, found.high) == newcombe([1] * 8 + [0] * 2, [1] * 3 + [0] * 7)
    assert found.p_value == pytest.approx(0.07, abs=0.01)  # Fisher's exact test: 0.0698
    with pytest.raises(UsageError, match=r"no cell held-out k = 2 \(cells: train k = 2, train k = 3\)"):
        contrast_cells(run, ("train", 2), ("held-out", 2))


# the command


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    """Both runs, written."""
    for name, run in (("base", A), ("tuned", B)):
        write_run(run, tmp_path / name)
    return [tmp_path / "base", tmp_path / "tuned"]


def test_the_command_says_tied_and_shows_what_flipped(dskill: Run, folders: list[Path]) -> None:
    code, out, err = dskill("compare", *folders, "--flips", 1)
    assert code == 0, err
    assert "tuned against base: full marks" in out and "tuned and base are tied in every cell." in out
    assert "40.0   80.0  +40.0 [-5.5, 72.2]  0.219     tied" in out  # 4/12 +- 1.96 sqrt(7/144 - 1/108)
    assert out.count("gained: train k = 2, simile, deixis on camping (k2-0000)") == 1 and "base: no topic" in out
    assert "lost: " not in out


def test_json_is_what_the_report_reads(dskill: Run, folders: list[Path]) -> None:
    code, out, _ = dskill("compare", *folders, "--labels", "x,(1,2)", "--json")
    (found,) = [Comparison.model_validate(one) for one in json.loads(out)]
    assert code == 0 and found == compare_runs([A, B], ["x", "(1,2)"])[0] and len(found.flips) == 6


def test_a_text_can_do_nothing_to_the_terminal(dskill: Run, tmp_path: Path) -> None:
    nasty = "\x1b[2J[bold]x[/bold]\u202e\x9b1m\ntwo"
    for name, marks in (("a", [1]), ("b", [0])):
        made = make_run([row.model_copy(update={"text": nasty}) for row in rows(marks)])
        write_run(made.model_copy(update={"fingerprint": name}), tmp_path / name)
    code, out, _ = dskill("compare", tmp_path / "a", tmp_path / "b", "--labels", "a\x1b[31m,b")
    assert code == 0 and "?[2J[bold]x[/bold]??1m two" in out
    assert all(char.isprintable() or char == "\n" for char in out)
    assert dskill("compare", tmp_path / "a", tmp_path / "b", "--json")[1].isascii()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--allow", "gradr"], ["--allow gradr", "did you mean 'grader'?", "catalogue_hash"]),
        (["--labels", "one"], ["a label of its own", "--labels"]),
    ],
)
def test_a_mistake_is_one_line(dskill: Run, folders: list[Path], options: list[str], words: list[str]) -> None:
    code, out, err = dskill("compare", *folders, *options)
    assert code == 2 and not out and len(err.strip().splitlines()) == 1 and err.startswith("error: "), err
    assert all(word in err for word in words), err


def test_folders_of_one_name_need_labels(dskill: Run, folders: list[Path], tmp_path: Path) -> None:
    write_run(B, tmp_path / "other" / "base")
    code, _, err = dskill("compare", folders[0], tmp_path / "other" / "base")
    assert code == 2 and "got base, base" in err and "--labels" in err
    assert dskill("compare", folders[0], folders[1] / "results-b.json")[0] == 0
