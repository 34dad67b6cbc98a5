"""``dskill report``: runs and what other verbs found out about them in, a folder out; mistakes in one line."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from eval_runs import make_run

from cards.published import find_published
from eval_harness.results import write_run

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def runs(tmp_path: Path) -> list[Path]:
    """Two folders of runs, base and tuned."""
    folders = [tmp_path / "base", tmp_path / "tuned"]
    for folder, share in zip(folders, (0.2, 0.8), strict=True):
        write_run(make_run(share), folder)
    return folders


def test_folders_in_a_page_out(dskill: Run, runs: list[Path]) -> None:
    code, out, err = dskill("report", *runs)
    assert (code, err) == (0, "") and Path(out.strip()) == runs[0] / "report/report.html"
    report = json.loads((runs[0] / "report/report.json").read_text())
    assert [run["label"] for run in report["runs"]] == ["base", "tuned"] and len(report["comparisons"]) == 1


def test_what_other_verbs_printed_is_taken(dskill: Run, runs: list[Path], tmp_path: Path) -> None:
    for name, arguments in {
        "compare": ["compare", *runs, "--metric", "skills_fraction", "--json"],
        "agree": ["agree", runs[0], "--json"],
        "audit": ["audit", runs[0], "--reference", "miniature", "--json"],
    }.items():
        code, out, err = dskill(*arguments)
        assert code == 0, err
        (tmp_path / f"{name}.json").write_text(out)
    given = [part for name in ("compare", "agree", "audit") for part in (f"--{name}", tmp_path / f"{name}.json")]
    code, _, err = dskill("report", *runs, *given, "--corpus", "0.1,1e-6,5e9", "--out", tmp_path / "out")
    assert code == 0, err
    report = json.loads((tmp_path / "out/report.json").read_text())
    assert report["comparisons"][0]["cells"][0]["metric"] == "skills_fraction"
    assert report["agreements"] and report["audits"] and report["corpus"]["corpus_texts"] == 5e9
    assert "tuned against base, skills fraction" in (tmp_path / "out/report.html").read_text()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--labels", "a"], ["labels a", "give 2 different ones"]),
        (["--baseline", "bse"], ["no run has that label", "base, tuned"]),
        (["--corpus", "0.1,1e-6"], ["--corpus", "0.1,1e-6,5e9"]),
        (["--corpus", "2,1e-6,inf"], ["--corpus"]),
        (["--audit", "nothing.json"], ["nothing.json", "dskill audit --json"]),
        (["--audit", "broken.json"], ["broken.json", "not what dskill audit --json prints"]),
        (["--compare", "other.json"], ["other.json", "is about 'x'", "base, tuned"]),
    ],
)
def test_mistakes_are_one_line(
    dskill: Run, runs: list[Path], monkeypatch: pytest.MonkeyPatch, options: list[str], words: list[str]
) -> None:
    monkeypatch.chdir(runs[0].parent)
    Path("broken.json").write_text("{}")
    Path("other.json").write_text('[{"a": "x", "b": "y", "cells": [], "flips": []}]')
    code, _, err = dskill("report", *runs, *options)
    assert code == 2 and err.startswith("error: ") and len(err.strip().splitlines()) == 1, err
    assert all(word in err for word in words), err


def test_no_run_is_one_line(dskill: Run, tmp_path: Path) -> None:
    code, _, err = dskill("report", tmp_path / "nothing")
    assert code == 2 and len(err.strip().splitlines()) == 1 and "nothing" in err


def test_a_bundle_needs_the_logs(dskill: Run, tmp_path: Path) -> None:
    write_run(make_run(0.5, logs=["gone.eval"]), tmp_path)
    code, _, err = dskill("report", tmp_path, "--bundle")
    assert code == 2 and "gone.eval" in err


def test_published_tables_are_whole_and_sourced() -> None:
    found = find_published(make_run(0.5, {("held-out", 3): 10, ("train", 6): 10}).cells)
    assert [table.name for table in found] == ["DSKILL-MIX paper, LLaMA-2-13B-Chat", "SKILL-MIX leaderboard"]
    for table in found:
        assert table.source.startswith("https://arxiv.org/abs/") and table.date and table.note
        for row in table.rows.values():
            for shares in row.values():
                assert len(shares) == len(table.columns) and all(0 <= share <= 1 for share in shares)
    paper, board = found
    assert [row[3] for row in paper.rows.values()] == [(0.04,), (0.37,)] and paper.mark == "secondary"
    assert board.rows["GPT-4"][6] == (0.08, 0.08, 0.76) and len(board.rows) == 10
    assert find_published(make_run(0.5, {("train", 1): 10}).cells) == ()
