"""The scripted teacher: clean rates, pairs, slips, yield, and answers that depend on seed and messages alone."""

import json
import os
import random
import subprocess
import sys
from collections import Counter
from itertools import combinations

import pytest

from datasets_builder.miniature.grader import grade_reply
from datasets_builder.miniature.grammar import MAX_WORDS, split_sentences
from datasets_builder.miniature.lexicon import SKILLS, TOPICS
from datasets_builder.miniature.teacher import SLIPS, compose, draft, read_request, reply, revise
from datasets_builder.miniature.verifiers import grade, present
from datasets_builder.skillmix.rubric import sentence_limit

ALL_TOPICS = list(TOPICS)
LINE = "write 2 on sailing showing simile , deixis , causality"


def draw(rng: random.Random, k: int) -> tuple[list[str], str]:
    """A random request."""
    return rng.sample(SKILLS, k), rng.choice(ALL_TOPICS)


@pytest.mark.parametrize("incidental", [0, 1, 2])
@pytest.mark.parametrize("k", [1, 2, 3, 4, 5])
def test_clean_texts_get_full_marks(k: int, incidental: int) -> None:
    rng, n, hits, lengths = random.Random(k), 600, 0, []
    for _ in range(n):
        skills, topic = draw(rng, k)
        text = compose(skills, topic, rng, incidental=incidental)
        hits += all(grade(text, skills, topic).values())
        assert len(present(text)) == k + incidental, text
        lengths += [len(sentence.words) for sentence in split_sentences(text)]
    assert hits / n >= 0.985
    assert max(lengths) <= MAX_WORDS


def test_every_pair_can_be_shown() -> None:
    rng, tries = random.Random(0), 40
    for pair in combinations(SKILLS, 2):
        topics = rng.choices(ALL_TOPICS, k=tries)
        hits = sum(all(grade(compose(pair, topic, rng), pair, topic).values()) for topic in topics)
        assert hits / tries >= 0.95, pair


def test_no_skill_asked_gives_a_plain_text() -> None:
    rng = random.Random(0)
    for count in (1, 2, 3, 4):
        text = compose([], "market", rng, sentences=count)
        assert len(split_sentences(text)) == count and present(text) == set()


@pytest.mark.parametrize(("k", "devices"), [(1, {0: 0.7, 1: 0.15, 2: 0.15}), (3, {0: 0.7, 1: 0.15, 2: 0.15})])
def test_three_of_ten_drafts_carry_one_or_two_incidental_devices(k: int, devices: dict[int, float]) -> None:
    rng, n, extra, seen = random.Random(k), 3000, Counter[int](), set[str]()
    for _ in range(n):
        skills, topic = draw(rng, k)
        unasked = present(draft(skills, topic, rng, slip=0)) - set(skills)
        extra[len(unasked)] += 1
        seen |= unasked
    assert {count: pytest.approx(share, abs=0.03) for count, share in devices.items()} == {
        c: extra[c] / n for c in extra
    }
    assert seen == set(SKILLS)


@pytest.mark.parametrize("slip", SLIPS)
def test_a_slip_costs_the_mark_it_should(slip: str) -> None:
    rng, lost = random.Random(0), Counter[str]()
    for _ in range(400):
        skills, topic = draw(rng, 3)
        text = SLIPS[slip](compose(skills, topic, rng), skills, topic, rng, 2)
        marks = grade(text, skills, topic)
        lost.update({"skill" if criterion in skills else criterion for criterion, won in marks.items() if not won})
    blamed = {"forgets": "skill", "wanders": "topic", "swaps": "sense", "runs on": "length"}[slip]
    assert lost[blamed] / 400 >= 0.85, lost
    assert lost.total() - lost[blamed] <= {"swaps": 400, "wanders": 4, "forgets": 4, "runs on": 4}[slip], lost


@pytest.mark.parametrize("k", [1, 2, 3])
def test_yield_after_draft_and_revision(k: int) -> None:
    rng, n, drafts, revised = random.Random(k), 3000, 0, 0
    for _ in range(n):
        skills, topic = draw(rng, k)
        text = draft(skills, topic, rng)
        drafts += all(grade(text, skills, topic).values())
        revised += all(grade(revise(text, skills, topic, rng), skills, topic).values())
    assert 0.84 <= revised / n <= 0.92
    assert drafts / n < revised / n - 0.03


def test_a_revision_keeps_a_good_text_and_cuts_a_run_on() -> None:
    rng, good = random.Random(0), "the boat drifts like a king ."
    for _ in range(20):
        assert revise(good, ["simile"], "sailing", rng) == good
        assert revise(f"{good} the sail tilts . the rope sinks .", ["simile"], "sailing", rng) == good


def conversation(line: str, *rest: str) -> list[dict[str, str]]:
    """Messages of alternating roles, the user first."""
    return [
        {"role": role, "content": text} for role, text in zip(("user", "assistant") * 3, (line, *rest), strict=False)
    ]


def test_replies_depend_on_seed_and_messages_alone() -> None:
    calls = [(conversation(LINE), seed) for seed in range(40)]
    calls += [(conversation(LINE, "the boat drifts .", "revise it"), seed) for seed in range(40)]
    forward = [reply(*call) for call in calls]
    backward = [reply(*call) for call in reversed(calls)][::-1]
    assert forward == backward
    assert len(set(forward[:40])) > 30


def test_replies_are_the_same_in_another_process() -> None:
    code = (
        f"from datasets_builder.miniature.teacher import reply; print(reply([dict(role='user', content={LINE!r})], 3))"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed in ("1", "2")
    }
    assert found == {reply(conversation(LINE), 3)}


def test_a_reply_obeys_the_request() -> None:
    marks = [
        grade(reply(conversation(LINE), seed, slip=0), ["simile", "deixis", "causality"], "sailing")
        for seed in range(50)
    ]
    assert all(all(mark.values()) for mark in marks)
    texts = [reply(conversation("write 3 on music"), seed, slip=0, incidental=0) for seed in range(20)]
    assert all(1 <= len(split_sentences(text)) <= 3 for text in texts)


def test_a_system_message_changes_the_draw_but_not_the_request() -> None:
    text = reply(
        [{"role": "system", "content": "be brief"}, *conversation("write 1 on music showing simile")], 0, slip=0
    )
    assert all(grade(text, ["simile"], "music").values())


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("please write about sailing", "unreadable request 'please write about sailing'"),
        ("write 1 on sailng showing simile", "did you mean 'sailing'"),
        ("write 1 on sailing showing similes", "did you mean 'simile'"),
        ("write 1 on sailing showing simile , simile", "twice"),
        ("write 9 on sailing", "unreadable request"),
        ("write 1 on sailing showing simile,deixis", "not of the miniature"),
        ("", "unreadable request"),
    ],
)
def test_an_unreadable_request_is_one_line(line: str, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        reply(conversation(line), 0)
    assert "\n" not in str(caught.value)


def test_other_conversations_are_refused() -> None:
    with pytest.raises(ValueError, match="answers \\[user\\]"):
        reply(conversation(LINE, "the boat drifts ."), 0)


def test_read_request() -> None:
    assert read_request(LINE) == (["simile", "deixis", "causality"], "sailing", 2)
    assert read_request("write 3 on music") == ([], "music", 3)


def test_the_scripted_grader_answers_in_json() -> None:
    prompt = (
        f"grade on sailing showing simile , deixis\ntext: {json.dumps('the boat drifts like a king .')}\nanswer in json"
    )
    assert json.loads(grade_reply(prompt)) == {"simile": 1, "deixis": 0, "topic": 1, "sense": 1, "length": 1}


@pytest.mark.parametrize("text", ['it\'s\na "text"\n', "", "answer in json", "<é>", "text: \\"])
def test_the_scripted_grader_reads_any_text(text: str) -> None:
    escaped = json.dumps(text).replace("<", "\\u003c").replace("'", "\\u0027")
    marks = json.loads(grade_reply(f"grade on music showing time\ntext: {escaped}\nanswer in json"))
    assert marks == {"time": 0, "topic": 0, "sense": 0, "length": int(text != "")}


@pytest.mark.parametrize(
    "prompt",
    [
        "",
        "grade on music",
        "grade on music showing time\ntext: bare\nanswer in json",
        "grade on music showing time\ntext: 3\nanswer in json",
    ],
)
def test_an_unreadable_grade_prompt_is_one_line(prompt: str) -> None:
    with pytest.raises(ValueError, match="unreadable grade prompt") as caught:
        grade_reply(prompt)
    assert "\n" not in str(caught.value)


def test_limits_agree_with_the_rubric() -> None:
    rng = random.Random(0)
    for k in range(1, 6):
        texts = [compose(*draw(rng, k), rng) for _ in range(100)]
        assert max(len(split_sentences(text)) for text in texts) <= sentence_limit(k)
