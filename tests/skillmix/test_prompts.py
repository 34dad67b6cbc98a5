"""Prompts: versioned by their text, checked before a run, locked in."""

from pathlib import Path

import pytest

from datasets_builder.skillmix.catalogue import Catalogue, load_catalogue
from datasets_builder.skillmix.combinations import Combination
from datasets_builder.skillmix.errors import UsageError
from datasets_builder.skillmix.prompts import PARTS, load_prompts

COMBINATION = Combination(("simile", "belief"), "sailing")
TEXTS = {
    "generate": "Write {{ limit }} on {{ topic }}: {% for s in skills %}{{ s.name }} {% endfor %}\n",
    "revise": "Revise to {{ limit }}.\n",
    "grade": "Grade {{ criteria | join(',') }}: {{ text | tojson }}\n",
}


@pytest.fixture()
def own(tmp_path: Path) -> Path:
    """A prompt folder of a user."""
    folder = tmp_path / "own"
    folder.mkdir()
    for part, text in TEXTS.items():
        (folder / f"{part}.txt").write_text(text, encoding="utf-8")
    return folder


def test_prompts_are_rendered(own: Path, catalogue: Catalogue) -> None:
    prompts = load_prompts(own, catalogue)
    assert prompts.generate(COMBINATION) == "Write 1 on sailing: Simile Belief"
    assert prompts.revise(COMBINATION) == "Revise to 1."
    assert prompts.grade(COMBINATION, 'a "b"') == 'Grade simile,belief,topic,sense,length: "a \\"b\\""'


def test_text_of_a_model_is_never_a_template(own: Path, catalogue: Catalogue) -> None:
    assert '"{{ 7 * 7 }}"' in load_prompts(own, catalogue).grade(COMBINATION, "{{ 7 * 7 }}")


@pytest.mark.parametrize("part", PARTS)
def test_the_version_changes_with_every_part(own: Path, catalogue: Catalogue, part: str) -> None:
    before = load_prompts(own, catalogue).version
    assert before == load_prompts(own, catalogue).version and len(before) == 12
    (own / f"{part}.txt").write_text(TEXTS[part] + ".", encoding="utf-8")
    assert load_prompts(own, catalogue).version != before


def test_moving_text_from_one_part_to_the_next_changes_the_version(own: Path, catalogue: Catalogue) -> None:
    (own / "generate.txt").write_text("ab", encoding="utf-8")
    (own / "revise.txt").write_text("c", encoding="utf-8")
    before = load_prompts(own, catalogue).version
    (own / "generate.txt").write_text("a", encoding="utf-8")
    (own / "revise.txt").write_text("bc", encoding="utf-8")
    assert load_prompts(own, catalogue).version != before


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("{{ topik }}", "'topik' is undefined"),
        ("{{ skills[0].nmae }}", "has no attribute 'nmae'"),
        ("{% for s in skills %}", "Unexpected end of template"),
        ("{{ skills[0].__class__.__mro__ }}", "__class__"),
        ("{{ ''.__class__ }}", "__class__"),
        ("{{ skills.append(1) }}", "append"),
        ("{{ cycler.__init__.__globals__ }}", "__init__"),
        ("{% include '/etc/passwd' %}", "/etc/passwd"),
        ("{{ 1 / 0 }}", "division by zero"),
        ("{{ 'a' + 1 }}", "str"),
        ("{% for i in range(10 ** 9) %}{% endfor %}", "Range too big"),
    ],
)
def test_a_faulty_template_is_found_before_the_run(
    own: Path, catalogue: Catalogue, part: str, source: str, message: str
) -> None:
    (own / f"{part}.txt").write_text(source, encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        load_prompts(own, catalogue)
    assert str(caught.value).startswith(f"{own}/{part}.txt: ") and message in str(caught.value)


def test_only_the_grader_sees_a_text(own: Path, catalogue: Catalogue) -> None:
    (own / "generate.txt").write_text("{{ text }}", encoding="utf-8")
    with pytest.raises(UsageError, match=r"generate\.txt: 'text' is undefined"):
        load_prompts(own, catalogue)


def test_a_missing_template_and_a_broken_one_are_told(own: Path, catalogue: Catalogue) -> None:
    (own / "grade.txt").write_bytes(b"\xff")
    with pytest.raises(UsageError, match=r"grade\.txt: cannot be read as UTF-8 text"):
        load_prompts(own, catalogue)
    (own / "revise.txt").unlink()
    with pytest.raises(
        UsageError, match=r"revise\.txt is missing; a prompt set has generate\.txt, revise\.txt, grade\.txt"
    ):
        load_prompts(own, catalogue)


def test_a_set_without_a_judge_takes_the_catalogues_own(own: Path) -> None:
    catalogue = load_catalogue("miniature")
    (own / "grade.txt").unlink()
    (own / "generate.txt").write_text("write at length on {{ topic }}", encoding="utf-8")
    found, shipped = load_prompts(own, catalogue), load_prompts("miniature", catalogue)
    assert found.sources["grade"] == shipped.sources["grade"] and found.version != shipped.version


def test_a_set_limit_stands_in_every_prompt_and_decides_what_is_too_long() -> None:
    catalogue, combination = load_catalogue("full"), Combination(("simile", "litotes"), "origami")
    text = "One. Two. Three."
    for limit, word, too_long in [
        (None, "one sentence", True),
        (3, "three sentences", False),
        (20, "20 sentences", False),
    ]:
        prompts = load_prompts("full", catalogue, limit)
        assert f"at most {word}" in prompts.revise(combination)
        assert f"at most {word}" in prompts.grade(combination, text)
        assert prompts.is_too_long(combination, text) is too_long


def test_an_unknown_set_names_the_near_match(catalogue: Catalogue) -> None:
    with pytest.raises(UsageError, match=r"no prompts 'minature', did you mean 'miniature'\?"):
        load_prompts("minature", catalogue)


def test_a_folder_that_only_bears_the_name_does_not_hide_the_shipped_set(
    tmp_path: Path, catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "miniature").mkdir()
    monkeypatch.chdir(tmp_path)
    assert load_prompts("miniature", catalogue).generate(COMBINATION)
