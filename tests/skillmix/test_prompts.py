"""Prompts: versioned by their text, checked before a run, locked in; marks are read right or not at all."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets_builder.skillmix.catalogue import Catalogue
from datasets_builder.skillmix.combinations import Combination
from datasets_builder.skillmix.errors import UsageError
from datasets_builder.skillmix.prompts import PARTS, load_prompts, read_marks, read_text

COMBINATION = Combination(("simile", "belief"), "sailing")
ALL = {"simile": 1, "belief": 0, "topic": 1, "sense": 1, "length": 1}
MARKS = {name: bool(mark) for name, mark in ALL.items()}
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
    (own / "grade.txt").unlink()
    with pytest.raises(
        UsageError, match=r"grade\.txt is missing; a prompt set has generate\.txt, revise\.txt, grade\.txt"
    ):
        load_prompts(own, catalogue)


def test_an_unknown_set_names_the_near_match(catalogue: Catalogue) -> None:
    with pytest.raises(UsageError, match=r"no prompts 'minature', did you mean 'miniature'\?"):
        load_prompts("minature", catalogue)


def test_a_folder_that_only_bears_the_name_does_not_hide_the_shipped_set(
    tmp_path: Path, catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "miniature").mkdir()
    monkeypatch.chdir(tmp_path)
    assert load_prompts("miniature", catalogue).generate(COMBINATION)


@pytest.mark.parametrize(
    "reply",
    [
        json.dumps(ALL),
        json.dumps(ALL, indent=4),
        json.dumps(MARKS),
        json.dumps(dict(reversed(ALL.items()))),
        f"Here are my marks:\n```json\n{json.dumps(ALL)}\n```\nI hope this helps.",
        f"  \n{json.dumps(ALL)}",
    ],
)
def test_readable_marks(reply: str) -> None:
    marks = read_marks(reply, COMBINATION)
    assert marks == MARKS
    assert list(marks) == list(MARKS) and all(type(mark) is bool for mark in marks.values())


@pytest.mark.parametrize(
    "reply",
    [
        None,
        "",
        "   ",
        "I cannot grade this.",
        "{}",
        "[1, 1, 1, 1, 1]",
        "{" + json.dumps(ALL),
        json.dumps(ALL)[:-1],
        json.dumps({name: mark for name, mark in ALL.items() if name != "sense"}),
        json.dumps(ALL | {"metaphor": 1}),
        json.dumps(ALL | {"belief": "yes"}),
        json.dumps(ALL | {"belief": "1"}),
        json.dumps(ALL | {"belief": 2}),
        json.dumps(ALL | {"belief": -1}),
        json.dumps(ALL | {"belief": 0.5}),
        json.dumps(ALL | {"belief": None}),
        json.dumps(ALL | {"belief": [1]}),
        json.dumps(ALL | {"belief": {"mark": 1}}),
        json.dumps(ALL | {"belief": float("nan")}),
        json.dumps({"marks": ALL}),
        json.dumps(ALL).replace('"belief": 0', '"belief": 0, "belief": 1'),
        json.dumps(ALL) + "\n" + json.dumps(ALL),
        json.dumps(ALL) + "\nOn reflection:\n" + json.dumps(ALL | {"belief": 1}),
        '{"a":' * 100_000 + "1" + "}" * 100_000,
        json.dumps(ALL).replace("0", "9" * 5000),
    ],
    ids=lambda reply: str(reply)[:24],
)
def test_unreadable_marks_are_no_marks(reply: str | None) -> None:
    assert read_marks(reply, COMBINATION) is None


@given(
    st.dictionaries(
        st.sampled_from([*ALL, "other"]), st.one_of(st.integers(-1, 2), st.booleans(), st.none(), st.text(max_size=3))
    )
)
def test_marks_are_read_exactly_when_they_are_the_criteria(content: dict[str, Any]) -> None:
    sound = set(content) == set(ALL) and all(mark in (0, 1) for mark in content.values())
    marks = read_marks(json.dumps(content), COMBINATION)
    assert (marks is not None) == sound
    if marks is not None:
        assert marks == {name: content[name] == 1 for name in ALL}


@given(st.text(max_size=300))
def test_any_reply_is_read_or_refused(reply: str) -> None:
    assert read_marks(reply, COMBINATION) is None or "simile" in reply


@pytest.mark.parametrize(("reply", "text"), [(None, None), ("", None), (" \n", None), (" a b \n", "a b")])
def test_read_text(reply: str | None, text: str | None) -> None:
    assert read_text(reply) == text
