"""Answers of a real LLM, through the reader, the screens, the duplicates, the folder and the card."""

from pathlib import Path

import datasets
import polars as pl
import pytest
from recorded import build_recorded, names_of, read_recorded, run_recorded

from cards.dataset_card import render_dataset_card
from datasets_builder.dataset import Manifest, Origin, account, write_dataset
from datasets_builder.dedup import NearConfig, find_repeats
from datasets_builder.skillmix.errors import DskillError
from datasets_builder.skillmix.reading import read_text
from datasets_builder.skillmix.rubric import names_a_skill, sentence_limit
from datasets_builder.skillmix.sentences import count_sentences

ANSWERS = read_recorded()
BY_ID = {answer["id"]: answer for answer in ANSWERS}
QUOTES = '"\u201c\u201d'
SENTENCES = {  # counted by hand: quotations, a speaker between two of them, a question before a speaker
    "rec-0033": 3,
    "rec-0127": 4,
    "rec-0148": 3,
    "rec-0165": 2,
    "rec-0194": 5,
    "rec-0203": 6,
    "rec-0230": 5,
    "rec-0239": 5,
    "rec-0253": 3,
    "rec-0262": 3,
    "rec-0276": 6,
}
ORIGIN = Origin("recorded/gpt-5", "none/full-marks", "p", "recorded", 0, 0.2)


def test_the_excerpt_is_ten_of_each_k_and_says_whose_it_is() -> None:
    assert [sum(answer["k"] == k for answer in ANSWERS) for k in "123"] == [10, 10, 10]
    notice = (Path(__file__).parents[1] / "data" / "README.md").read_text()
    assert "antoninbrthn/skill-neologisms" in notice and "Apache License 2.0" in notice


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda answer: answer["id"])
def test_answers_are_read_as_their_authors_read_them(answer: dict[str, str]) -> None:
    """But for quotation marks around the whole: they wrap the text and are no part of it."""
    theirs = answer["completion"].strip()
    inner = theirs.strip(QUOTES)
    whole = theirs[:1] in QUOTES and theirs[-1:] in QUOTES and not set(inner) & set(QUOTES)
    text = read_text(answer["raw_completion"])
    assert text and text.split() == (inner if whole else theirs).split()


@pytest.mark.parametrize("name", SENTENCES)
def test_sentences_are_counted_as_a_person_counts_them(name: str) -> None:
    assert count_sentences(read_text(BY_ID[name]["raw_completion"]) or "") == SENTENCES[name]


def test_texts_name_no_skill_and_their_explanations_do() -> None:
    for answer in ANSWERS:
        assert not names_a_skill(read_text(answer["raw_completion"]) or "", names_of(answer))
        assert names_a_skill(answer["raw_completion"], names_of(answer))


@pytest.mark.parametrize(("threshold", "found"), [(0.9, 0), (0.8, 1), (0.7, 3)])
def test_near_duplicates_of_a_real_model(threshold: float, found: int) -> None:
    texts = [read_text(answer["raw_completion"]) or "" for answer in ANSWERS]
    repeats = find_repeats([a["id"] for a in ANSWERS], texts, NearConfig(threshold=threshold))
    pairs = {ANSWERS[i]["id"]: ANSWERS[repeat.place]["id"] for i, repeat in enumerate(repeats) if repeat}
    first = [("rec-0073", "rec-0020"), ("rec-0071", "rec-0041"), ("rec-0048", "rec-0033")]
    assert pairs == dict(first[:found])


def test_a_build_keeps_none_of_them_for_they_are_too_long_and_says_so(tmp_path: Path) -> None:
    asked, rows, catalogue, _ = run_recorded(tmp_path / "catalogue", ANSWERS, NearConfig())
    assert {row["reason"] for row in rows} == {"too_long"}
    with pytest.raises(DskillError, match=r"no text of k1 was kept, rejected: \{'too_long': 10\}"):
        write_dataset(tmp_path / "out", account(asked, rows), ORIGIN, catalogue, {}, lambda m, some: "")


def _card(manifest: Manifest, samples: object) -> str:
    return render_dataset_card(manifest.model_dump(), samples)  # type: ignore[arg-type]


def test_with_the_limit_lifted_they_make_a_dataset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    asked, rows, catalogue, _ = run_recorded(tmp_path / "catalogue", ANSWERS, NearConfig(), limit=9)
    identity = {"catalogue": "recorded"}
    manifest = write_dataset(tmp_path / "out", account(asked, rows), ORIGIN, catalogue, identity, _card)
    assert manifest.rejects == {"duplicate": 3}
    loaded = datasets.load_dataset(str(tmp_path / "out"), "k123")
    assert sum(map(len, loaded.values())) == 27
    texts = {row["id"]: row["text"] for split in loaded.values() for row in split}
    assert texts["rec-0276"].count("\n") == 3 and "\u2019" in texts["rec-0239"]
    assert all(len(names_of(BY_ID[name])) + 3 == 6 for name in texts if BY_ID[name]["k"] == "3")
    card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert "27 short English texts" in card and "modus-ponens, on" in card
    assert sentence_limit(3) == 2


def test_the_command_builds_them_through_http(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "strict").mkdir()
    code, out = build_recorded(tmp_path / "strict", ANSWERS, near=0.7)
    assert code == 1 and not out.exists() and "rejected: {'too_long': 10}" in capsys.readouterr().err
    code, out = build_recorded(tmp_path, ANSWERS, near=0.7, limit=9)
    assert code == 0 and "27 texts kept of 30" in capsys.readouterr().out
    replies = {row["id"]: row["reply_generate"] for row in pl.read_parquet(out / "transcripts").to_dicts()}
    assert sorted(replies.values()) == sorted(answer["raw_completion"] for answer in ANSWERS)
    for path in out.glob("data/*/*.parquet"):
        assert all(row["text"] == read_text(replies[row["id"]]) for row in pl.read_parquet(path).to_dicts())
    assert {path.name for path in (out / "figures").iterdir()} == {"overview.png", "skills.png", "topics.png"}
