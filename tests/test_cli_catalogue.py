"""``dskill catalogue``: what it prints, other splits, and a user's mistakes in one line."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

Run = Callable[..., tuple[int, str, str]]


def read(result: tuple[int, str, str]) -> dict:
    code, out, err = result
    assert code == 0, err
    return json.loads(out)


def refuse(result: tuple[int, str, str], *words: str) -> None:
    code, out, err = result
    assert code == 2 and not out, err
    assert len(err.strip().splitlines()) == 1 and err.startswith("error: "), err
    assert all(word in err for word in words), err


def side_of(listing: dict) -> dict[str, str]:
    return {skill["slug"]: skill["split"] for skill in listing["skills"]}


def test_it_prints_sides_categories_and_counts(dskill: Run) -> None:
    code, out, _ = dskill("catalogue", "miniature")
    assert code == 0
    lines = out.splitlines()
    assert lines[0].startswith("miniature: A small world") and "split: by category" in lines
    assert "train: 16 skills, 8 topics" in lines and "held-out: 16 skills, 4 topics" in lines
    assert "  rhetorical (8)" in lines
    assert lines[lines.index("  physical (2)") + 1] == "    space, time"
    assert out.index("train: 16") < out.index("alliteration") < out.index("held-out: 16") < out.index("belief")


def test_the_full_catalogue_is_the_default_and_says_whose_it_is(dskill: Run) -> None:
    _, out, _ = dskill("catalogue")
    said = " ".join(out.split())
    assert "withhold their list" in said and "This list is ours" in said
    assert "train: 53 skills, 70 topics" in said and "held-out: 48 skills, 30 topics" in said
    assert "skills that are in every other text" not in said and "* common:" in said


def test_one_side_alone(dskill: Run) -> None:
    _, out, _ = dskill("catalogue", "miniature", "--split", "held-out")
    assert "belief" in out and "camping" in out and "simile" not in out and "sailing" not in out
    listing = read(dskill("catalogue", "miniature", "--split", "train", "--json"))
    assert set(side_of(listing).values()) == {"train"}
    assert listing["counts"]["skills"] == {"train": 16, "held-out": 0}


def test_json_holds_everything(dskill: Run) -> None:
    listing = read(dskill("catalogue", "full", "--json"))
    assert listing["counts"]["skills"] == {"train": 53, "held-out": 48}
    assert listing["counts"]["topics"] == {"train": 70, "held-out": 30}
    assert len(listing["skills"]) == 101 and len(listing["topics"]) == 100
    assert listing["partition"] == {"by": "category", "train": None, "seed": 0, "common": True}
    assert {"slug", "name", "category", "split", "common", "definition", "reference"} == set(listing["skills"][0])


def test_a_random_split_has_as_many_train_skills_unless_told_otherwise(dskill: Run) -> None:
    own = side_of(read(dskill("catalogue", "miniature", "--json")))
    random = read(dskill("catalogue", "miniature", "--json", "--partition", "random", "--seed", "1"))
    assert side_of(random) != own and random["counts"]["skills"] == {"train": 16, "held-out": 16}
    other = read(dskill("catalogue", "miniature", "--json", "--partition", "random", "--train", "20", "--seed", "2"))
    assert other["counts"]["skills"] == {"train": 20, "held-out": 12}
    assert (
        "split: random, train 16, seed 1" in dskill("catalogue", "miniature", "--partition", "random", "--seed", 1)[1]
    )


def test_categories_stay_whole_when_they_are_dealt(dskill: Run) -> None:
    listing = read(dskill("catalogue", "miniature", "--json", "--partition", "categories", "--seed", "1"))
    sides = {(skill["category"], skill["split"]) for skill in listing["skills"]}
    assert len(sides) == len({category for category, _ in sides}) == 6


def test_common_skills_can_be_left_out(dskill: Run) -> None:
    listing = read(dskill("catalogue", "full", "--json", "--no-common"))
    assert listing["counts"]["common"] == 0 and "deixis" not in side_of(listing)
    _, out, _ = dskill("catalogue", "full", "--no-common")
    assert "without common skills" in out and "*" not in out


def test_a_folder_of_ones_own(dskill: Run, tmp_path: Path) -> None:
    code, out, _ = dskill("catalogue", _own(tmp_path, "knitting"))
    assert code == 0 and "train: 1 skills" in out and "knitting" in out


def test_what_a_file_could_send_to_the_terminal_is_made_visible(dskill: Run, tmp_path: Path) -> None:
    _, out, _ = dskill("catalogue", _own(tmp_path, "kni\x1b[31mtting\x07\u202e"))
    assert "kni?[31mtting??" in out and "\x1b" not in out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["miniatur"], ["no catalogue 'miniatur', did you mean 'miniature'?"]),
        (["nowhere/at/all"], ["no catalogue", "full, miniature", "or give a folder"]),
        (["miniature", "--partition", "random", "--train", "32"], ["train", "1 to 31", "got 32"]),
        (["miniature", "--partition", "categories", "--train", "32"], ["train", "1 to 31", "got 32"]),
        (["miniature", "--partition", "categories", "--train", "1"], ["no category has 1 skills or fewer"]),
        (["miniature", "--train", "16"], ["--train and --seed", "--partition random"]),
        (["miniature", "--seed", "0"], ["--train and --seed", "--partition random"]),
    ],
)
def test_a_mistake_is_one_line(dskill: Run, arguments: list[str], words: list[str]) -> None:
    refuse(dskill("catalogue", *arguments), *words)


@pytest.mark.parametrize(
    "arguments", [["--split", "test"], ["--partition", "randm"], ["--partition", "random", "--train", "0"]]
)
def test_an_unknown_choice_is_refused(dskill: Run, arguments: list[str]) -> None:
    assert dskill("catalogue", "miniature", *arguments)[0] == 2


def test_a_broken_catalogue_names_its_file(dskill: Run, tmp_path: Path) -> None:
    folder = _own(tmp_path, "knitting")
    (folder / "topics" / "t.yml").write_text("name: [")
    refuse(dskill("catalogue", folder), "t.yml:1: broken YAML")


def _own(folder: Path, skill: str) -> Path:
    """A catalogue of one skill and one topic."""
    about = {"name": "own", "description": "Mine.", "categories": {"crafts": "train"}, "prompts": "full"}
    texts = {"definition": "d", "examples": ["a", "b", "c"], "near_miss": {"text": "t", "reason": "r"}}
    licence = {"licence": "CC-BY-4.0"}
    content = {
        "catalogue.yml": about,
        "skills/s.yml": {"name": skill, "slug": "s", "category": "crafts", "reference": "none"} | texts | licence,
        "topics/t.yml": {"name": "t", "slug": "t", "split": "train"} | licence,
    }
    for name, entry in content.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(yaml.safe_dump(entry), encoding="utf-8")
    return folder
