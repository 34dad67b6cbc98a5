"""Contributions that are sound: they pass, their forms can be filled in, they join a catalogue and a dataset."""

import json
import re
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from contributions import (
    HEADER,
    MINIATURE,
    SKILL,
    TEXTS,
    TOPIC,
    WORLD,
    changed,
    record,
    text,
    write_lines,
    write_shard,
    write_yaml,
)
from datasets import load_dataset

from datasets_builder.build import build_dataset
from datasets_builder.contribute import check
from datasets_builder.contribute_merge import merge_contributions
from datasets_builder.contribute_safety import find_unsafe
from datasets_builder.manifest import Manifest
from datasets_builder.pipeline import DataRecipe
from datasets_builder.skillmix.catalogue import load_catalogue
from datasets_builder.skillmix.errors import UsageError

Run = Callable[..., tuple[int, str, str]]
MODEL = "openai-api/loopback/grader"


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    """A folder with one contribution of each kind."""
    write_yaml(tmp_path, "skills/tmesis.yml", SKILL)
    write_yaml(tmp_path, "topics/thatching.yml", TOPIC)
    write_lines(tmp_path, "graded/mine.jsonl", HEADER, *TEXTS)
    write_lines(tmp_path, "graded/world.jsonl", MINIATURE, *WORLD)
    write_shard(tmp_path, [record(row, HEADER) for row in TEXTS[:1]])
    return tmp_path / "contrib"


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small dataset of the miniature, split by category."""
    from data_fakes import CONTENT

    out = tmp_path_factory.mktemp("data") / "mini"
    own = {"partition": {"by": "category"}, "validation": 0.2, "combinations": {1: {"n": 20}, 2: {"n": 20}}}
    recipe = DataRecipe.model_validate(CONTENT | own)
    build_dataset(recipe, Path("recipe.yml"), out, card=lambda manifest, rows: "a card")
    return out


def card(manifest: Manifest, rows: Any) -> str:
    return f"with {', '.join(manifest.contributors)}"


def test_it_passes(sound: Path, dskill: Run) -> None:
    code, out, err = dskill("check", sound)
    assert (code, err) == (0, "")
    assert out.splitlines()[-1] == "5 contributions with 6 texts: no fault"
    assert "world.jsonl: 2 texts graded anew by the program miniature" in out
    assert "mine.jsonl: not graded anew" in out


def test_those_of_the_repository_pass(root: Path) -> None:
    verdict = check([root / "contrib"])
    assert not verdict.faults and {one.kind for one in verdict.checked} == {"skills", "topics", "graded", "data"}


def test_every_text_of_the_full_catalogue_is_safe() -> None:
    for skill in load_catalogue("full").skills.values():
        for words in (skill.name, skill.definition, *skill.examples, skill.near_miss.text, skill.near_miss.reason):
            assert not list(find_unsafe(words)), words


@pytest.mark.parametrize(
    "words", ["Café, naïve, Øre.", "“Why?” he said – ‘so’ …", "a < b, b > c", "3° & 50 %", "one\ntwo"]
)
def test_ordinary_english_is_safe(words: str) -> None:
    assert not list(find_unsafe(words))


@pytest.mark.parametrize(
    "name", ["Анна Иванова <@anna>", "田中さん <@tanaka>", "José Ångström <j@x.org>", "Νίκος Π. <@n>"]
)
def test_a_contributor_has_any_name(name: str, tmp_path: Path) -> None:
    assert not check([write_yaml(tmp_path, "topics/thatching.yml", TOPIC | {"signed_off_by": name})]).faults


def test_a_skill_may_be_told_apart_from_a_like_one(tmp_path: Path) -> None:
    near = SKILL | {"name": "anaphoras", "confused_with": {"anaphora": "There a word opens clauses; here it is cut."}}
    assert not check([write_yaml(tmp_path, "skills/tmesis.yml", near)]).faults


def test_two_new_skills_are_compared_with_each_other(tmp_path: Path) -> None:
    write_yaml(tmp_path, "skills/tmesis.yml", SKILL)
    other = write_yaml(tmp_path, "skills/cutting.yml", SKILL | {"slug": "cutting", "name": "word cutting"})
    told = "\n".join(map(str, check([other]).faults))
    assert "is the definition of 'tmesis'" in told and "is the page of 'tmesis'" in told


def test_json_has_the_same(sound: Path, dskill: Run) -> None:
    write_yaml(sound.parent, "skills/tmesis.yml", changed(SKILL, "near_miss", to=...))
    code, out, _ = dskill("check", sound, "--json")
    (fault,) = json.loads(out)["faults"]
    assert code == 2 and fault["key"] == "near_miss" and fault["cure"] == "add it"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["contrb"], ["contrb: no such file or folder, did you mean 'contrib'?"]),
        (["contrib", "--against", "."], ["is no finished dataset", "dskill build makes one"]),
        (["contrib", "--base", "-x"], ["--base '-x'", "name a branch"]),
        (["contrib", "--base", "HEAD"], ["--base 'HEAD'", "git cannot compare"]),
        (["contrib", "--grader", "minature"], ["'minature'", "did you mean 'miniature'?"]),
        (["contrib", "--grader", "miniature"], ["grades its own catalogue only"]),
    ],
)
def test_a_mistake_is_one_line(
    arguments: list[str], words: list[str], sound: Path, dskill: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(sound.parent)
    code, out, err = dskill("check", *arguments)
    assert code == 2 and not out and len(err.splitlines()) == 1 and all(word in err for word in words), err


def test_only_what_changed_is_checked(sound: Path, dskill: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(sound.parent)
    old = write_yaml(sound.parent, "skills/old.yml", {"name": "of another day, with faults"})
    for command in ("init -q -b main", "add -A", "commit -q -m one"):
        subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b", *command.split()], check=True)
    assert dskill("check", "contrib", "--base", "main")[1] == "0 contributions: no fault\n"
    write_yaml(sound.parent, "topics/thatching.yml", TOPIC | {"name": "Thatched roofs"})
    write_yaml(sound.parent, "skills/new.yml", {"name": "new"})
    old.unlink()
    code, out, _ = dskill("check", "contrib", "--base", "main")
    assert code == 2 and "contrib/skills/new.yml" in out and "old.yml" not in out
    assert out.splitlines()[-1].startswith("2 contributions")


# forms


@pytest.mark.parametrize(("form", "blanks"), [("skill", 10), ("topic", 2), ("graded", 8)])
def test_a_form_names_its_blanks(form: str, blanks: int, tmp_path: Path, dskill: Run) -> None:
    code, out, _ = dskill("new", form, "Half rhyme: the second", "--dir", tmp_path / "contrib")
    path = Path(out.partition(":")[0])
    assert code == 0 and path.stem == "half-rhyme-the-second"
    code, out, _ = dskill("check", path)
    told = out.splitlines()[:-1]
    assert code == 2 and len(told) == blanks
    assert all(re.search(r":\d+: [\w.]+: is still blank; fill it in", line) for line in told), told


def test_a_form_that_is_filled_in_passes(tmp_path: Path, dskill: Run) -> None:
    dskill("new", "skill", "tmesis", "--by", "Ada Lovelace <@ada>", "--dir", tmp_path / "contrib")
    path = tmp_path / "contrib/skills/tmesis.yml"
    said = [
        SKILL["category"],
        SKILL["definition"],
        *SKILL["examples"],
        *SKILL["near_miss"].values(),
        SKILL["reference"],
    ]
    for words in (*said, "own words"):
        path.write_text(re.sub(r'"____[^"]*"', json.dumps(words), path.read_text(), count=1))
    assert dskill("check", path)[0] == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["topic", "Thatching"], "exists; edit it, or choose another name"),
        (["skill", "123"], "begins with a letter"),
        (["skill", "x", "--by", "me"], "--by 'me': must be like"),
    ],
)
def test_a_form_is_not_written(arguments: list[str], words: str, sound: Path, dskill: Run) -> None:
    code, _, err = dskill("new", *arguments, "--dir", sound)
    assert code == 2 and words in err


def test_a_name_cannot_leave_its_folder(tmp_path: Path, dskill: Run) -> None:
    dskill("new", "skill", "../../up: [x]", "--dir", tmp_path / "contrib")
    assert [p.name for p in tmp_path.rglob("*.yml")] == ["up-x.yml"]


# against a dataset


def test_what_the_dataset_has_is_refused(dataset: Path, tmp_path: Path) -> None:
    rows = [row for part in ("train", "validation") for row in load_dataset(str(dataset), "k1")[part]]
    for_train = next(row for row in rows if row["split"] == "train")
    for_validation = next(row for row in rows if row["split"] == "validation")
    copied = text(1, for_train["text"], for_train["skills"], for_train["topic"])
    leaked = text(
        2, "the boat drifts .", for_validation["skills"], for_validation["topic"], tuple(for_validation["skills"])
    )
    path = write_lines(tmp_path, "graded/world.jsonl", MINIATURE, copied, leaked)
    assert "is the same" not in str(check([path]))
    told = str(check([path], against=dataset))
    assert f":2: text: is the same as row {for_train['id']} of the dataset's train split" in told
    assert ":3: skills: these skills on this topic are in the dataset's validation split" in told


def test_contributed_rows_join_the_dataset(dataset: Path, sound: Path, tmp_path: Path) -> None:
    missed = text(3, "the boat drifts .", ["simile"], "sailing", ("simile",))
    write_lines(sound.parent, "graded/world.jsonl", MINIATURE, *WORLD, missed)
    before = Manifest.model_validate_json((dataset / "manifest.json").read_bytes())
    merged = merge_contributions(dataset, sound, tmp_path / "new", card)
    assert merged.contributors == {"Ada Lovelace": 2} | before.contributors
    assert merged.counts["k1"].kept == before.counts["k1"].kept + 2
    assert merged.counts["k1"].rejected == before.counts["k1"].rejected + 1
    assert all(merged.files[name] == sha for name, sha in before.files.items() if name.startswith("data/k2/"))
    rows = load_dataset(str(tmp_path / "new"), "k1")
    (row,) = [r for part in rows.values() for r in part if r["id"] == "world/1"]
    assert row["contributor"] == "Ada Lovelace" and row["licence"] == "CC-BY-4.0" and row["source"] == "own words"
    assert row["recipe"] == "contrib/graded/world" and row["seed"] is None and row["teacher"] == "scripted/miniature"
    assert [turn["content"] for turn in row["messages"]] == ["write 1 on sailing showing simile", WORLD[0]["text"]]
    assert "with Ada Lovelace, dskill-mix" in (tmp_path / "new/README.md").read_text()


def test_merging_again_adds_only_what_is_new(dataset: Path, sound: Path, tmp_path: Path) -> None:
    merge_contributions(dataset, sound, tmp_path / "one", card)
    with pytest.raises(UsageError, match="no text of catalogue 'miniature' that the dataset has not"):
        merge_contributions(tmp_path / "one", sound, tmp_path / "two", card)
    write_lines(
        sound.parent, "graded/more.jsonl", MINIATURE, text(1, "the rope tilts like a feather .", ["simile"], "sailing")
    )
    two = merge_contributions(tmp_path / "one", sound, tmp_path / "two", card)
    assert two.contributors["Ada Lovelace"] == 3
    write_lines(sound.parent, "graded/world.jsonl", MINIATURE, WORLD[0])
    with pytest.raises(UsageError, match="was merged before and is another now"):
        merge_contributions(tmp_path / "one", sound, tmp_path / "three", card)


def test_a_fault_stops_the_merge(dataset: Path, sound: Path, tmp_path: Path, dskill: Run) -> None:
    write_lines(sound.parent, "graded/world.jsonl", MINIATURE, WORLD[0] | {"full_marks": False})
    code, _, err = dskill("merge", dataset, "--contributions", sound, "--out", tmp_path / "new")
    assert code == 2 and "full_marks: is false, but all marks are true" in err and not (tmp_path / "new").exists()


def test_a_k_that_the_dataset_has_not(dataset: Path, sound: Path, tmp_path: Path) -> None:
    words = "the boat drifts like a king . the sail sinks , tilts , sways ."
    write_lines(
        sound.parent,
        "graded/world.jsonl",
        MINIATURE,
        text(1, words, ["simile", "asyndeton", "litotes"], "sailing", ("litotes",)),
    )
    with pytest.raises(UsageError, match="texts of k3, which"):
        merge_contributions(dataset, sound, tmp_path / "new", card)


# the catalogue of contributions


def test_contributions_are_a_catalogue(sound: Path) -> None:
    about = {"name": "mine", "description": "d", "extends": "full", "categories": {}, "prompts": "full"}
    write_yaml(sound.parent, "catalogue.yml", about)
    mine, full = load_catalogue(sound), load_catalogue("full")
    assert mine.skills.keys() - full.skills.keys() == {"tmesis"} and mine.topics.keys() - full.topics.keys() == {
        "thatching"
    }
    assert mine.about.categories == full.about.categories
    assert "signed_off_by" not in mine.skills["tmesis"].model_dump(), "who signed it changes no hash"
    write_yaml(sound.parent, "skills/simile.yml", SKILL | {"slug": "simile"})
    with pytest.raises(UsageError, match="is in the catalogue that this one extends"):
        load_catalogue(sound)


# grading anew by a model


def test_a_model_grades_a_sample(tmp_path: Path, llm_server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_lines(tmp_path, "graded/world.jsonl", MINIATURE, *WORLD)
    monkeypatch.setenv("LOOPBACK_BASE_URL", llm_server.openai_url)
    monkeypatch.setenv("LOOPBACK_API_KEY", "any")
    monkeypatch.setenv("INSPECT_CACHE_DIR", str(tmp_path / "cache"))
    good = check([path], grader=MODEL)
    wrong = [text(n, words, ["simile"], "sailing") for n, words in enumerate(("the boat drifts .", "the sail sinks ."))]
    bad = check([write_lines(tmp_path, "graded/wrong.jsonl", MINIATURE, *wrong)], grader=MODEL)
    assert not good.faults and f"2 of 2 texts graded anew by {MODEL}, 0 verdicts differ" in good.notes[0]
    assert f"{MODEL} gives 2 of 2 texts another verdict, on lines 2, 3" in str(bad.faults[0])


def test_a_model_without_a_key_is_told(sound: Path, dskill: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LOOPBACK_API_KEY", raising=False)
    code, _, err = dskill("check", sound / "graded/world.jsonl", "--grader", MODEL)
    assert code == 3 and "LOOPBACK_API_KEY" in err and len(err.splitlines()) == 1


# speed, and what the repository says


def test_a_thousand_rows_take_seconds(tmp_path: Path, dataset: Path) -> None:
    from datasets_builder.miniature.teacher import reply
    from datasets_builder.miniature.verifiers import grade

    skills, topics = (sorted(found) for found in _train())
    rows = []
    for n in range(1000):
        asked, topic = [skills[n % len(skills)]], topics[n % len(topics)]
        words = reply([{"role": "user", "content": f"write 1 on {topic} showing {asked[0]}"}], n, 0.0, 0.3)
        marks = grade(words, asked, topic)
        rows.append(text(n, words, asked, topic, tuple(name for name, mark in marks.items() if not mark)))
    path = write_lines(tmp_path, "graded/many.jsonl", MINIATURE, *rows)
    begun = time.perf_counter()
    verdict = check([path], against=dataset)
    assert time.perf_counter() - begun < 20  # seconds; the bound is a minute
    assert {fault.key for fault in verdict.faults} <= {"text", "skills"}, "repeats and leaks only"


def _train() -> tuple[set[str], set[str]]:
    found = load_catalogue("miniature").partition()
    return set(found.skills("train")), set(found.topics("train"))


def test_the_commands_of_the_guide_exist(root: Path, dskill: Run) -> None:
    guide = (root / "CONTRIBUTING.md").read_text()
    verbs = set(re.findall(r"dskill ([a-z]+)\b", guide))
    assert verbs >= {"new", "check", "merge", "card", "publish", "catalogue"}
    for verb in verbs:
        helped = dskill(verb, "--help")[1]
        for line in re.findall(rf"dskill {verb}\b.*", guide):
            assert all(option in helped for option in re.findall(r"(?<= )--[a-z-]+", line.split("#")[0].split("`")[0]))
    for path in re.findall(r"(?:contrib|recipes)/[\w./-]*\w", guide):
        assert (root / path).exists() or "my-texts" in path, path


def test_the_workflow_reads_only(root: Path) -> None:
    import yaml

    content = yaml.safe_load((root / ".github/workflows/check.yml").read_text())
    assert content[True] == {"pull_request": {"paths": ["contrib/**"]}}  # YAML 1.1 makes true of "on"
    assert content["permissions"] == {"contents": "read"}
    (job,) = content["jobs"].values()
    assert "permissions" not in job and "secrets" not in str(content)
    assert all("${{" not in step.get("run", "") for step in job["steps"])
    assert all(step["with"]["persist-credentials"] is False for step in job["steps"][:2])
    assert job["steps"][0]["with"]["ref"] == "${{ github.event.pull_request.base.sha }}"
