"""Other people's records: the worked example of SKILL-MIX, the defects of its files, tables, hostile input."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from datasets_builder.skillmix.combinations import Combination
from datasets_builder.skillmix.errors import UsageError
from eval_harness.importing import Rules, import_run
from eval_harness.results import EvalRun, TextRow, read_run, write_run
from eval_harness.skillmix_records import find_graded

ROUND = "k3_s10_vdefault_r{}/tiny-chat"
GRADES = ROUND + "/graded/by_big-judge_on_text_1_{}_gpt/records.csv"
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def records(root: Path, tmp_path: Path) -> Path:
    """A copy of the fixture: 2 combinations, 3 generation rounds, 3 grading rounds, all of it our own."""
    return Path(shutil.copytree(root / "tests/data/skillmix_records", tmp_path / "records"))


def edit(path: Path, old: str, new: str, count: int = 1) -> Path:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, count), encoding="utf-8")
    return path


def fault(*paths: Path, **options: object) -> str:
    with pytest.raises(UsageError) as error:
        import_run(paths, **options)
    assert "\n" not in str(error.value) and str(error.value).isprintable()
    return str(error.value)


def test_the_worked_example(records: Path) -> None:
    """Maximum over generations and mean per text, as worked out by hand: 0.5 (1/6), 1 (1/2), 5/6 (4/9)."""
    run = import_run([records])
    (cell,) = run.cells
    assert (cell.split, cell.k, cell.n_combinations, cell.n_texts, cell.generations) == ("all", 3, 2, 6, 3)
    assert (cell.full_marks_max, cell.full_marks) == (0.5, pytest.approx(1 / 6))
    assert (cell.all_skills_max, cell.all_skills) == (1.0, 0.5)
    assert (cell.skills_fraction_max, cell.skills_fraction) == (pytest.approx(5 / 6), pytest.approx(4 / 9))


def test_what_is_known_and_what_is_not(records: Path) -> None:
    run = import_run([records])
    facts = run.provenance
    assert (run.model, facts.grader, facts.source, run.suite) == ("tiny-chat", "big-judge", "import", None)
    assert (facts.votes, facts.generations, facts.seed, facts.revise) == (3, 3, 10, True)
    assert (facts.catalogue, facts.temperature, facts.name_deduction) == ("unknown", None, False)
    for word in ("temperature", "definitions of skills", "differ on 1 of 6 texts"):
        assert word in facts.note
    assert str(records) not in run.model_dump_json()


def test_votes_are_kept_as_cast(records: Path) -> None:
    first = import_run([records]).cells[0].rows[0]
    assert first.skills == ("red-herring", "complex-question", "metaphor") and first.topic == "sewing"
    assert [vote and vote["metaphor"] for vote in first.votes] == [False, True, False]
    assert first.text.startswith('"Why did you stop darning that coat?')  # the revised text, which was graded


def test_a_run_is_written_and_read_back(records: Path, tmp_path: Path) -> None:
    run = import_run([records])
    path = write_run(run, tmp_path / "out")
    assert path.name == f"results-{run.fingerprint}.json" and read_run(tmp_path / "out") == run
    assert import_run([records]).fingerprint == run.fingerprint
    assert import_run([records], rules=Rules(length="recorded")).fingerprint != run.fingerprint


def test_the_recorded_length_point_wins_when_asked_for(records: Path) -> None:
    """The reference counter misses a sentence that begins in lower case, and overrules the grader."""
    cell = import_run([records], rules=Rules(length="recorded")).cells[0]
    assert cell.full_marks_max == 1.0
    edit(records / GRADES.format(2, 1), ",2,1.0,", ",3,0.0,")
    assert import_run([records], rules=Rules(length="recorded")).cells[0].full_marks_max == 0.5


def test_the_name_deduction_is_off_unless_asked_for(records: Path) -> None:
    edit(records / ROUND.format(1) / "records.csv", "a slow ox, swings", "a metaphor, swings", 4)
    assert import_run([records]).cells[0].full_marks_max == 0.5
    cell = import_run([records], rules=Rules(name_deduction=True)).cells[0]
    assert cell.full_marks_max == 0.0 and [row.named for row in cell.rows].count(True) == 1


def test_identical_grading_rounds_are_one_vote(records: Path) -> None:
    for generation in (1, 2, 3):
        for vote in (2, 3):
            shutil.copy(records / GRADES.format(generation, 1), records / GRADES.format(generation, vote))
    run = import_run([records])
    assert run.provenance.votes == 1 and {len(row.votes) for row in run.cells[0].rows} == {1}
    assert "byte-identical in 3 of 3 generation rounds: the votes are not independent" in run.provenance.note


def test_some_identical_grading_rounds_are_told(records: Path) -> None:
    for vote in (2, 3):
        shutil.copy(records / GRADES.format(2, 1), records / GRADES.format(2, vote))
    run = import_run([records])
    assert run.provenance.votes == 3
    assert "byte-identical in 1 of 3 generation rounds" in run.provenance.note


def test_a_missing_round_is_refused(records: Path) -> None:
    (records / GRADES.format(2, 3)).unlink()
    told = fault(records)
    assert "k = 3 lacks grading round 3 of generation round 2" in told and str(records) in told
    shutil.rmtree(records / "k3_s10_vdefault_r1")
    assert "lacks grading round 1 of generation round 1" in fault(records)


def test_a_round_of_fewer_rows_is_refused(records: Path) -> None:
    path = records / GRADES.format(2, 3)
    path.write_text(path.read_text().split('3,"folk')[0])
    assert "1 rows, but" in fault(records) and GRADES.format(2, 3) in fault(records)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('"1.0,1.0,1.0,1.0,1.0,1.0"', '"1.0,1.0,1.0,1.0,1.0"', "5 points, need 6"),
        ('"1.0,1.0,1.0,1.0,1.0,1.0"', '"1.0,1.0,1.0,1.0,1.0,1.0,0.0"', "7 points, need 6"),
        (
            '"1.0,1.0,1.0,1.0,1.0,1.0"',
            '"1.0,1.0,1.0,1.0,1.0,0.0"',
            "the points sum to 5, 'score_extracted_0' says '6.0'",
        ),
        ('"1.0,1.0,1.0,1.0,1.0,1.0"', '"1.0,1.0,0.5,1.0,1.0,1.0"', "'0.5' where a point of 0 or 1"),
        ("| Shows metaphor | 1 |", "| Shows modus ponens | 1 |", "the point of 'metaphor' was given for 'shows modus"),
    ],
)
def test_points_that_do_not_fit(records: Path, old: str, new: str, words: str) -> None:
    path = edit(records / GRADES.format(2, 1), old, new)
    told = fault(records)
    assert f"{path} row 1: " in told and words in told
    run = import_run([records], drop_unreadable=True)
    assert next(row for row in run.cells[0].rows if row.topic == "sewing" and row.generation == 2).votes[0] is None
    assert "1 votes were unreadable" in run.provenance.note


def test_an_answer_without_points_is_an_unreadable_vote_not_a_zero(records: Path) -> None:
    edit(records / GRADES.format(2, 1), '6.0,6.0,"1.0,1.0,1.0,1.0,1.0,1.0"', "0.0,0,")
    edit(records / GRADES.format(2, 2), '6.0,6.0,"1.0,1.0,1.0,1.0,1.0,1.0"', "0.0,0,")
    (cell,) = import_run([records]).cells
    row = next(row for row in cell.rows if row.topic == "sewing" and row.generation == 2)
    assert row.marks is None and row.full_marks is None and cell.unscored == 1 and cell.n_texts == 5


def test_a_text_that_is_missing_gets_no_mark(records: Path) -> None:
    source = records / ROUND.format(3) / "records.csv"
    edit(source, ',"""A hem is a promise that the cloth keeps."""', ",")
    row = next(row for row in import_run([records]).cells[0].rows if row.topic == "sewing" and row.generation == 3)
    assert row.text == "" and row.marks is not None and not any(row.marks.values())


def test_a_skill_with_a_comma_is_refused(records: Path) -> None:
    for path in records.rglob("records.csv"):
        path.write_text(path.read_text().replace("red herring,", "red, or smoked, herring,"))
    told = fault(records)
    assert "row 1" in told and "splits into 5 names at its commas, but k = 3" in told and "rename" in told


def test_files_of_different_rounds_are_told_apart(records: Path) -> None:
    edit(records / GRADES.format(2, 1), ",Sewing,", ",Knots,")
    assert "row 1: other skills or topic than" in fault(records)
    path = edit(records / GRADES.format(2, 1), ",Knots,", ",Sewing,")
    for path in (records / "k3_s10_vdefault_r2").rglob("records.csv"):
        path.write_text(path.read_text().replace(",Sewing,", ",Knots,"))
    assert "rounds must ask for the same" in fault(records)


def test_another_k_than_the_folder_says(records: Path) -> None:
    edit(records / ROUND.format(1) / "records.csv", '\n3,"red', '\n4,"red')
    assert "column 'k' is '4', but the folder says k = 3" in fault(records)


def test_several_models_graders_and_settings(records: Path) -> None:
    for generation in (1, 2, 3):
        shutil.copytree(records / ROUND.format(generation), records / f"k3_s10_vdefault_r{generation}/other-chat")
    assert "of 2 models (other-chat, tiny-chat); choose one with --model" in fault(records)
    assert "did you mean 'tiny-chat'?" in fault(records, model="tiny-chta")
    assert import_run([records], model="tiny-chat").model == "tiny-chat"
    grades = records / ROUND.format(1) / "graded"
    shutil.copytree(grades / "by_big-judge_on_text_1_1_gpt", grades / "by_small-judge_on_text_1_1_gpt")
    assert "of 2 graders" in fault(records, model="tiny-chat")
    shutil.copytree(records / "k3_s10_vdefault_r1", records / "k3_s11_vdefault_r1")
    assert "2 settings" in fault(records, model="tiny-chat", grader="big-judge")


def test_a_combination_that_was_drawn_twice_counts_twice(records: Path) -> None:
    for path in records.rglob("records.csv"):
        header, rest = path.read_text().split("\n", 1)
        path.write_text(f"{header}\n{rest}{rest.split(chr(10) + '3,')[0]}\n")
    (cell,) = import_run([records]).cells
    ids = {row.combination for row in cell.rows}
    assert cell.n_combinations == 3 and sum(one.endswith("-2") for one in ids) == 1


def test_skills_of_one_of_our_catalogues(records: Path) -> None:
    run = import_run([records], catalogue="full")  # the names of the fixture are the public ones, which ours has, too
    assert run.provenance.catalogue == "full" and len(run.provenance.catalogue_hash) == 12
    assert "--catalogue miniature: unknown skill 'red-herring'" in fault(records, catalogue="miniature")
    for path in records.rglob("records.csv"):
        path.write_text(path.read_text().replace(",Sewing,", ",Sowing,"))
    assert "unknown topic 'sowing', did you mean 'sewing'?" in fault(records, catalogue="full")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "no column 'k'"),
        (b"k,skills,topic\n", "no column 'points_0'"),
        (b"\xff\xfe3\x00", "not UTF-8 at byte 0"),
        (b"k,skills\0", "NUL character"),
        (b'k,skills,topic,assistant_0,points_0,score_extracted_0,true_sentence_lim_pt_0\n3,"a', "broken CSV"),
        (b"k,skills,topic,assistant_0,points_0,score_extracted_0,true_sentence_lim_pt_0\n3,a\n", "row 1: 2 cells"),
        (b"k,skills,topic,assistant_0,points_0,score_extracted_0,true_sentence_lim_pt_0\n" + b"1," * 9, "10 cells"),
        (b"k,skills,topic,assistant_0,points_0,score_extracted_0,true_sentence_lim_pt_0\n", "no row"),
        (b"k,skills,topics,assistant_0,points_0,score_extracted_0,x\n3", "'topic', did you mean 'topics'?"),
        (
            b"k,skills,topic,assistant_0,points_0,score_extracted_0,true_sentence_lim_pt_0\n3," + b"x" * 200_000,
            "field larger than field limit",
        ),
        (b"PAR1\x15\x04" + b"\x90" * 200, "not UTF-8"),
    ],
)
def test_hostile_csv_is_one_line(records: Path, content: bytes, words: str) -> None:
    path = records / GRADES.format(1, 2)
    path.write_bytes(content)
    told = fault(records)
    assert words in told and str(path) in told


def test_names_of_folders_are_data(records: Path) -> None:
    """A folder can be called anything: nothing is written by its name, and no terminal is told to do something."""
    (records / "k3_s10_vdefault_r1").rename(records / "k3_s10_v..\\..\\etc_r1")
    assert "settings" in fault(records)
    for generation in (2, 3):
        (records / f"k3_s10_vdefault_r{generation}").rename(records / f"k3_s10_v..\\..\\etc_r{generation}")
    run = import_run([records])
    assert run.provenance.prompts.startswith("..\\..\\etc")
    assert write_run(run, records / "out").parent == records / "out"
    (records / "k3_s10_v..\\..\\etc_r1/tiny-chat").rename(records / "k3_s10_v..\\..\\etc_r1/\x1b[2Jtiny")
    assert "control characters" in fault(records)


def test_paths_that_hold_no_records(tmp_path: Path, records: Path) -> None:
    assert "no such file or folder" in fault(tmp_path / "none")
    (tmp_path / "empty").mkdir()
    assert "no graded records here" in fault(tmp_path / "empty")
    assert "no graded records here" in fault(records / ROUND.format(1) / "records.csv")
    (records / "k3_s10_vdefault_r1").rename(records / "round1")
    assert "its folders do not say what it is" in fault(records)


def test_single_files_and_a_path_from_inside(records: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = [records / GRADES.format(1, vote) for vote in (1, 2, 3)]
    assert import_run(files).cells[0].n_texts == 2
    monkeypatch.chdir(files[0].parent)
    assert len(find_graded([Path("records.csv"), files[0]])) == 1


def table(path: Path, *rows: dict[str, object]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def row(combination: str = "1", **changes: object) -> dict[str, object]:
    marks = {"metaphor": 1, "belief": 1, "topic": 1, "sense": 1, "length": 1}
    text = "Ann wrongly thinks that the needle is a fish."
    content = {"combination": combination, "skills": ["metaphor", "belief"], "topic": "sewing", "text": text}
    return content | {"marks": marks, "harness": "theirs"} | changes


def test_a_table_of_another_harness(tmp_path: Path) -> None:
    second = row(marks={"metaphor": 1, "belief": 0, "topic": True, "sense": 1, "length": 1})
    other = row("2", topic="Knots", split="train")
    run = import_run([table(tmp_path / "t.jsonl", row(), second, other)], model="org/m", grader="judge")
    train, every = run.cells
    assert (train.split, train.n_texts, every.split, every.generations) == ("train", 1, "all", 2)
    assert (every.full_marks, every.full_marks_max, every.skills_fraction) == (0.5, 1.0, 0.75)
    assert (run.model, run.provenance.grader, run.provenance.votes) == ("org/m", "judge", 1)


def test_a_combination_keeps_its_id_in_every_split(tmp_path: Path) -> None:
    rows = [row(), row("2"), row(split="train")]
    every, train = sorted(import_run([table(tmp_path / "t.jsonl", *rows)], model="m").cells, key=lambda c: c.split)
    own = Combination(("metaphor", "belief"), "sewing").id
    assert [one.combination for one in every.rows] == [own, f"{own}-2"]
    assert [one.combination for one in train.rows] == [own]


def test_votes_in_a_table(tmp_path: Path) -> None:
    good = dict(row()["marks"])  # type: ignore[call-overload]
    bad = good | {"belief": 0}
    run = import_run(
        [table(tmp_path / "t.jsonl", row(votes=[good, bad, None]), row("2", topic="b", votes=[good, None, None]))],
        model="m",
    )
    (cell,) = run.cells
    assert cell.unscored == 1 and cell.full_marks == 0.0 and run.provenance.grader == "unknown"
    scored = next(one for one in cell.rows if one.marks)
    assert scored.marks is not None and not scored.marks["belief"] and scored.votes[2] is None


def test_parquet_gives_what_jsonl_gives(tmp_path: Path) -> None:
    rows = [row(), row("2", skills=["simile"], marks={"simile": 0, "topic": 1, "sense": 1, "length": 1})]
    jsonl = import_run([table(tmp_path / "t.jsonl", *rows)], model="m")
    pl.DataFrame(rows).write_parquet(tmp_path / "t.parquet")  # one struct for all marks, with nulls
    assert import_run([tmp_path / "t.parquet"], model="m").cells == jsonl.cells
    pairs = [one | {"marks": [{"criterion": c, "mark": bool(m)} for c, m in one["marks"].items()]} for one in rows]  # type: ignore[attr-defined]
    pl.DataFrame(pairs).write_parquet(tmp_path / "p.parquet")  # as in our datasets
    assert import_run([tmp_path / "p.parquet"], model="m").cells == jsonl.cells


def without(key: str) -> dict[str, object]:
    return {name: value for name, value in row().items() if name != key}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (without("topic"), "row 1: key 'topic': Field required"),
        (row(skills=[]), "key 'skills'"),
        (row(skills=["a"] * 13), "key 'skills'"),
        (row(skills=["metaphor", "metaphor"]), "names a skill twice"),
        (row(marks={"metaphor": 1}), "no mark for 'belief'"),
        (row(marks=dict(row()["marks"], topik=1)), "unknown criterion 'topik', did you mean 'topic'?"),  # type: ignore[call-overload]
        (row(marks=dict(row()["marks"], topic=0.5)), "key 'marks.topic'"),  # type: ignore[call-overload]
        (row(split="dev"), "key 'split'"),
        (row(skills=["topic"], marks={"topic": 1, "sense": 1, "length": 1}), "skill 'topic' makes no slug"),
        (row(topic="\u7e2b"), "makes no slug"),
        ("[" * 100_000, "row 1: "),
        ("x" * 1_000_001, "a line of more than"),
        ("", "no row"),
    ],
)
def test_faults_of_a_table(tmp_path: Path, content: dict[str, object] | str, words: str) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    assert words in fault(path, model="m")


def test_faults_of_a_table_file(tmp_path: Path) -> None:
    path = table(tmp_path / "t.jsonl", row(), row(topic="Knots"))
    assert "row 2: other skills or topic than" in fault(path, model="m")
    assert "name the model with --model" in fault(path)
    assert "a table is imported alone" in fault(path, path, model="m")
    assert "cannot be read" in fault(tmp_path / "none.jsonl", model="m")
    (tmp_path / "t.jsonl").write_bytes(b"\xff\xfe{")
    assert "not UTF-8" in fault(path, model="m")
    (tmp_path / "t.parquet").write_bytes(b"PAR1 and nothing else PAR1")
    assert "cannot be read as Parquet" in fault(tmp_path / "t.parquet", model="m")
    both = table(tmp_path / "s.jsonl", row(), row("2", skills=["Metaphor", "Belief"], marks=None))
    assert "share the slug 'metaphor'" in fault(both, model="m")


def test_the_verb(records: Path, dskill: Run, tmp_path: Path) -> None:
    code, out, err = dskill("import", records, "--out", tmp_path / "run")
    assert code == 0, err
    assert "16.7% [0.1%, 97.9%]" in out and "differ on 1 of 6" in out and "results-" in out
    run: EvalRun = read_run(tmp_path / "run")
    assert all(isinstance(one, TextRow) for cell in run.cells for one in cell.rows)
    (records / GRADES.format(3, 3)).unlink()
    code, _, err = dskill("import", records, "--out", tmp_path / "run")
    assert code == 2 and err.startswith("error: ") and len(err.strip().splitlines()) == 1
