"""Labels on disk: nothing that was saved is lost, whoever else saves and however a process ends."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets_builder.skillmix.errors import UsageError
from eval_harness.human.labels import (
    SCHEMA,
    append_labels,
    check_annotator,
    human_marks,
    item_id,
    read_labels,
    read_saved,
)

KEPT = [name for name in SCHEMA if name != "note"]


def row(
    item: str = "a", criterion: str = "metaphor", mark: bool | None = True, who: str = "ada", **other: Any
) -> dict[str, Any]:
    return {
        "item": item,
        "combination": f"of {item}",
        "generation": 1,
        "split": "held-out",
        "k": 2,
        "criterion": criterion,
        "mark": mark,
        "annotator": who,
        "seconds": 1.5,
        "labelled_at": "2026-01-01T00:00:00.000+00:00",
        "note": "",
    } | other


def test_the_last_label_counts_and_unsure_is_none(tmp_path: Path) -> None:
    append_labels(tmp_path, "ada", [row(mark=True), row(criterion="topic"), row(criterion="sense", note="odd")])
    append_labels(tmp_path, "ada", [row(mark=False), row(criterion="topic", mark=None)])
    append_labels(tmp_path, "bob", [row(who="bob")])
    labels = read_labels(tmp_path)
    assert labels.columns == KEPT
    found = {(who, name): mark for who, name, mark in labels.select("annotator", "criterion", "mark").iter_rows()}
    assert found == {("ada", "metaphor"): False, ("ada", "sense"): True, ("bob", "metaphor"): True}
    assert read_saved(tmp_path)["note"].to_list().count("odd") == 1  # nothing that was saved is thrown away
    assert len(read_saved(tmp_path)) == 6


def test_majority_of_annotators_and_a_tie_is_no_mark(tmp_path: Path) -> None:
    votes = {"ada": (True, True, False), "bob": (True, False, False), "cy": (False, None, False)}
    for who, (metaphor, topic, sense) in votes.items():
        marks = {"metaphor": metaphor, "topic": topic, "sense": sense}
        append_labels(tmp_path, who, [row(criterion=name, mark=mark, who=who) for name, mark in marks.items()])
    marks = human_marks(read_labels(tmp_path))
    found = {name: rest for name, *rest in marks.select("criterion", "mark", "yes", "annotators").iter_rows()}
    assert found == {"metaphor": [True, 2, 3], "topic": [None, 1, 2], "sense": [False, 0, 3]}


LABELS = st.lists(
    st.tuples(st.sampled_from(["ada", "bob", "cy"]), st.sampled_from("xyz"), st.sampled_from([True, False, None])),
    max_size=12,
)


@settings(max_examples=15, deadline=None)
@given(LABELS, st.integers(1, 4))
def test_annotators_at_the_same_time_lose_nothing(
    given_labels: list[tuple[str, str, bool | None]], at_once: int
) -> None:
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(at_once) as pool:
        rows = [row(item, mark=mark, who=who, note=str(place)) for place, (who, item, mark) in enumerate(given_labels)]
        list(pool.map(lambda one: append_labels(Path(folder), one["annotator"], [one]), rows))
        saved = read_saved(Path(folder))
        assert sorted(saved["note"].to_list()) == sorted(str(place) for place in range(len(rows)))
        if at_once == 1:
            last = {(who, item): mark for who, item, mark in given_labels}
            expected = {key: mark for key, mark in last.items() if mark is not None}
            labels = read_labels(Path(folder)) if rows else pl.DataFrame(schema=SCHEMA)
            assert {
                (who, item): mark for who, item, mark in labels["annotator", "item", "mark"].iter_rows()
            } == expected


WRITER = """
import os, signal, sys
from pathlib import Path
import polars as pl
from test_human_labels import row
from eval_harness.human.labels import append_labels

folder, prefix, saves, end = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4]
def die(*args):
    os.kill(os.getpid(), signal.SIGKILL)
def write_half(frame, path, write=pl.DataFrame.write_parquet):
    write(frame, path)
    os.truncate(path, os.path.getsize(path) // 2)
    die()
def save(item):
    append_labels(folder, "ada", [row(item, criterion) for criterion in ("metaphor", "sense")])

print("ready", flush=True)
sys.stdin.readline()
for place in range(saves):
    save(f"{prefix}{place}")
if end == "killed in the write":
    pl.DataFrame.write_parquet = write_half
if end == "killed after the write":
    os.replace = die
if end:
    save("lost")
"""


def start(root: Path, *arguments: object) -> "subprocess.Popen[str]":
    """A process that is ready to save, and waits for a line."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(root), str(Path(__file__).parent)])}
    command = [sys.executable, "-c", WRITER, *map(str, arguments)]
    writer = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )
    assert writer.stdout is not None and writer.stdout.readline() == "ready\n"
    return writer


@pytest.mark.parametrize("end", ["killed in the write", "killed after the write"])
def test_what_was_saved_survives_kill_9_and_no_text_is_half_saved(tmp_path: Path, root: Path, end: str) -> None:
    writer = start(root, tmp_path, "a", 3, end)
    writer.communicate("go\n")
    assert writer.returncode == -signal.SIGKILL
    assert read_saved(tmp_path)["item"].to_list() == ["a0", "a0", "a1", "a1", "a2", "a2"]
    append_labels(tmp_path, "ada", [row("later")])  # its lock and its half-written file are in nobody's way
    assert read_saved(tmp_path)["item"].to_list()[6:] == ["later"]


def test_two_processes_under_one_name_lose_nothing(tmp_path: Path, root: Path) -> None:
    writers = [start(root, tmp_path, prefix, 25, "") for prefix in "ab"]
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("go\n")
        writer.stdin.flush()
    assert [(writer.communicate()[1], writer.returncode) for writer in writers] == [("", 0), ("", 0)]
    assert set(read_saved(tmp_path)["item"]) == {f"{prefix}{place}" for prefix in "ab" for place in range(25)}


@pytest.mark.parametrize(
    "name", ["", " ", "../up", "a/b", "a\\b", "a.b", "1st", "ada lovelace", "zoë", "-x", "x" * 65, "a\nb"]
)
def test_a_name_that_is_no_file_name_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="use letters a to z") as error:
        append_labels(tmp_path, name, [row()])
    assert "\n" not in str(error.value)
    assert list(tmp_path.iterdir()) == []


def test_a_name_is_taken_in_lower_case() -> None:
    assert check_annotator(" Ada-2 ") == "ada-2"


def write(path: Path, frame: pl.DataFrame) -> None:
    frame.write_parquet(path)


@pytest.mark.parametrize(
    ("rows", "change", "message"),
    [
        ([row()], lambda frame: frame.drop("mark"), "not a file of labels: it has item"),
        ([row()], lambda frame: frame.with_columns(mark=pl.lit("yes")), "not a file of labels"),
        ([row(item=None)], lambda frame: frame, "only a mark may be null"),
        ([row(who="bob")], lambda frame: frame, "labels of another annotator"),
    ],
)
def test_a_file_that_holds_something_else_is_told(
    tmp_path: Path, rows: Sequence[dict[str, Any]], change: Any, message: str
) -> None:
    write(tmp_path / "ada.parquet", change(pl.DataFrame(rows, SCHEMA)))
    with pytest.raises(UsageError, match=message) as error:
        read_labels(tmp_path)
    assert "ada.parquet" in str(error.value) and "\n" not in str(error.value)


def test_a_broken_file_is_told_and_never_written_over(tmp_path: Path) -> None:
    path = tmp_path / "ada.parquet"
    path.write_bytes(b"PAR1 and then nothing")
    for act in (lambda: read_labels(tmp_path), lambda: append_labels(tmp_path, "ada", [row()])):
        with pytest.raises(UsageError, match=r"ada\.parquet: broken"):
            act()
    assert path.read_bytes() == b"PAR1 and then nothing"


def test_no_labels_yet(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no labels"):
        read_labels(tmp_path / "none")


def test_an_item_is_named_by_its_text_and_place_alone() -> None:
    name = item_id("held-out", 2, "c", 1, "A text.")
    assert name == item_id("held-out", 2, "c", 1, "A text.")
    others = {
        item_id("held-out", 2, "c", 1, "A text!"),
        item_id("train", 2, "c", 1, "A text."),
        item_id("held-out", 2, "c", 2, "A text."),
    }
    assert name not in others and len(others) == 3
