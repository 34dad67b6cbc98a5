"""What the page shows and saves, without a browser."""

import re
from pathlib import Path

import pytest
from human_runs import HOSTILE, SECRETS, make_run
from pydantic import ValidationError

from datasets_builder.skillmix.errors import UsageError
from eval_harness.human.labels import read_labels, read_saved
from eval_harness.human.sampling import draw_plan
from eval_harness.human.session import Answer, Desk, Place, Screen
from eval_harness.results import EvalRun


def desk(folder: Path, overlap: float = 0.0, run: EvalRun | None = None) -> Desk:
    return Desk(draw_plan(run or make_run(), 100, 0, overlap), folder)


def answer(at: Desk, screen: Screen, mark: bool | None = True, note: str = "") -> Answer:
    item = next(item for item in at.plan.items if item.item == screen.item)
    return Answer(
        annotator=screen.annotator, item=item.item, marks=dict.fromkeys(item.asked, mark), note=note, seconds=2.5
    )


def checked(html: str) -> dict[str, str]:
    return dict(re.findall(r'name="([a-z-]+)" value="([a-z]+)" checked', html))


def test_one_annotator_marks_every_text_once(tmp_path: Path) -> None:
    at = desk(tmp_path)
    screen, seen = at.open("ada"), []
    for done in range(4):
        assert f"{done} of 4 done" in screen.html
        seen.append(screen.item)
        screen = at.save(answer(at, screen))
    assert screen.item is None and "All done" in screen.html and "4 of 4 done" in screen.html
    assert len(set(seen)) == 4 and seen == [item.item for item in at.plan.order("ada")]


def test_a_new_process_goes_on_where_the_last_one_stopped(tmp_path: Path) -> None:
    at = desk(tmp_path)
    after = at.save(answer(at, at.open("ada")))
    assert desk(tmp_path).open("ADA ") == after
    assert "1 of 4 done" in after.html


def test_labels_are_those_of_the_rubric(tmp_path: Path) -> None:
    at = desk(tmp_path, run=make_run({2: ["One. Two."]}))
    screen = at.open("ada")
    at.save(
        Answer(
            annotator="ada",
            item=str(screen.item),
            marks={"metaphor": True, "modus-ponens": False, "topic": None, "sense": True},
        )
    )
    labels = read_labels(tmp_path)
    marks = dict(labels.select("criterion", "mark").iter_rows())
    assert marks == {"metaphor": True, "modus-ponens": False, "sense": True, "length": False}  # 2 sentences, 1 allowed
    place = labels.row(0, named=True)
    assert (place["split"], place["k"], place["combination"], place["generation"]) == ("train", 2, "combination-2-0", 1)


def test_back_and_forth_with_the_marks_as_given(tmp_path: Path) -> None:
    at = desk(tmp_path)
    first = at.open("ada")
    second = at.save(answer(at, first, True, "a note"))
    third = at.save(answer(at, second, None))
    assert set(checked(third.html).values()) == set()
    back = at.back(Place(annotator="ada", item=third.item))
    assert back.item == second.item and set(checked(back.html).values()) == {"unsure"}
    back = at.back(Place(annotator="ada", item=back.item))
    assert back.item == first.item and set(checked(back.html).values()) == {"yes"} and "a note" in back.html
    assert at.back(Place(annotator="ada", item=back.item)).item == first.item  # nothing is before the first
    assert at.save(answer(at, back, False)).item == second.item
    assert at.save(answer(at, at.revisit("ada", str(second.item)))).item == third.item
    labels = read_labels(tmp_path).filter(item=first.item)
    assert not labels.filter(labels["criterion"] != "length")["mark"].any()


def test_back_before_anything_is_marked(tmp_path: Path) -> None:
    at = desk(tmp_path)
    assert at.back(Place(annotator="ada")) == at.open("ada")


def test_shared_texts_go_to_all_and_the_others_to_one(tmp_path: Path) -> None:
    at = desk(tmp_path, overlap=0.5)
    seen: dict[str, list[str]] = {"ada": [], "bob": []}
    for _ in range(4):
        for who, items in seen.items():
            screen = at.open(who)
            if screen.item is not None:
                items.append(screen.item)
                at.save(answer(at, screen))
    shared = {item.item for item in at.plan.items if item.shared}
    assert set(seen["ada"]) & set(seen["bob"]) == shared and len(shared) == 2
    assert set(seen["ada"]) | set(seen["bob"]) == {item.item for item in at.plan.items}
    assert all(at.open(who).item is None for who in seen)


def test_no_screen_tells_model_grader_split_or_marks(tmp_path: Path) -> None:
    at = desk(tmp_path)
    screen = at.open("ada")
    for _ in range(4):
        assert not [word for word in (*SECRETS, "train", "held-out", "combination-") if word in screen.html]
        screen = at.save(answer(at, screen))


def test_text_of_a_model_and_note_of_a_person_stay_text(tmp_path: Path) -> None:
    at = desk(tmp_path, run=make_run({1: [HOSTILE]}))
    first = at.open("ada")
    at.save(answer(at, first, note='"><script>alert(1)</script>'))
    html = at.back(Place(annotator="ada")).html
    assert "<script" not in html and "<img" not in html and "&lt;script&gt;document.title" in html
    assert html.count("</form>") == html.count("<form") == 1
    assert "{{ 7 * 7 }} ${6 * 7}" in html  # template languages of the page leave it alone, too


def test_an_empty_text_can_be_marked(tmp_path: Path) -> None:
    assert "(empty)" in desk(tmp_path, run=make_run({1: ["  "]})).open("ada").html


@pytest.mark.parametrize(
    "marks", [{}, {"metaphor": True}, {"metaphor": True, "topic": True, "sense": True, "length": True}]
)
def test_marks_that_were_not_asked_for_are_refused(tmp_path: Path, marks: dict[str, bool | None]) -> None:
    at = desk(tmp_path, run=make_run({1: ["A text."]}))
    with pytest.raises(UsageError, match="need marks for metaphor, topic, sense"):
        at.save(Answer(annotator="ada", item=str(at.open("ada").item), marks=marks))
    assert read_saved(tmp_path).is_empty()


def test_an_item_of_another_plan_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not a text of this plan"):
        desk(tmp_path).save(Answer(annotator="ada", item="0" * 16, marks={}))


@pytest.mark.parametrize(
    "change",
    [
        {"marks": {"topic": 1}},
        {"marks": {"topic": "yes"}},
        {"seconds": float("nan")},
        {"seconds": -1},
        {"note": "x" * 2001},
        {"model": "x"},
    ],
)
def test_an_answer_that_no_page_sends_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Answer.model_validate({"annotator": "ada", "item": "a", "marks": {}} | change)


def test_labels_of_an_older_plan_in_the_folder_do_not_count(tmp_path: Path) -> None:
    other = desk(tmp_path, run=make_run({1: ["Another text."]}))
    other.save(answer(other, other.open("ada")))
    assert "0 of 4 done" in desk(tmp_path).open("ada").html
