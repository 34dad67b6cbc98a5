"""Replies as language models write them: the right text or none, the right marks or none, never a shifted mark."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets_builder.skillmix.combinations import Combination
from datasets_builder.skillmix.reading import read_marks, read_text, refuses

COMBINATION = Combination(("simile", "belief"), "sailing")
NAMES = {"simile": "Simile", "belief": "False belief (theory of mind)"}
ALL = {"simile": 1, "belief": 0, "topic": 1, "sense": 1, "length": 1}
MARKS = {name: bool(mark) for name, mark in ALL.items()}
ENTRIES = [{"id": name, "mark": mark} for name, mark in ALL.items()]
ROWS = "| Simile | 1 |\n| False belief | 0 |\n| Topic | 1 |\n| Sense | 1 |\n| Length | 1 |"
LINES = "Simile: 1\nFalse belief: 0\nTopic: 1\nSense: 1\nLength: 1"


def _lines(simile: str, belief: str, rest: str = "1", form: str = "{}: {}") -> str:
    names = ("Simile", "False belief (theory of mind)", "Topic", "Sense", "Length")
    return "\n".join(form.format(n, m) for n, m in zip(names, (simile, belief, rest, rest, rest), strict=True))


def _wide(text: str, *marks: str) -> str:
    """With some characters in their full-width form."""
    return text.translate({ord(mark): ord(mark) + 0xFEE0 for mark in marks})


def _digits(text: str, zero: int) -> str:
    """With the digits of another script."""
    return text.translate({ord("0"): zero, ord("1"): zero + 1})


ARABIC, DEVANAGARI, BENGALI, THAI = 0x0660, 0x0966, 0x09E6, 0x0E50

READABLE = {
    "json": json.dumps(ALL),
    "json over several lines": json.dumps(ALL, indent=4),
    "json of booleans": json.dumps(MARKS),
    "json in another order": json.dumps(dict(reversed(ALL.items()))),
    "json by name": json.dumps({"Simile": 1, "False belief": 0, "Topic": 1, "Sense": 1, "Length": 1}),
    "json by full name": json.dumps(
        {"simile": 1, "False belief (theory of mind)": 0, "topic": 1, "sense": 1, "length": 1}
    ),
    "json in a fence": f"Here are my marks:\n```json\n{json.dumps(ALL)}\n```\nI hope this helps.",
    "json in a nameless fence": f"```\n{json.dumps(ALL)}\n```",
    "json after space": f"  \n{json.dumps(ALL)}",
    "json with an outer key": json.dumps({"marks": ALL}),
    "json of entries": json.dumps({"marks": ENTRIES}),
    "json array of entries": json.dumps(ENTRIES),
    "json of entries with reasons": json.dumps([e | {"reason": "I saw 0 of 1 {}"} for e in ENTRIES]),
    "json of entries by criterion and score": json.dumps([{"criterion": e["id"], "score": e["mark"]} for e in ENTRIES]),
    "json of objects": json.dumps({name: {"mark": mark, "reason": "as said"} for name, mark in ALL.items()}),
    "json with words": json.dumps({name: "yes" if mark else "no" for name, mark in ALL.items()}),
    "json with digits in quotes": json.dumps({name: str(mark) for name, mark in ALL.items()}),
    "json with fractions": json.dumps({name: f"{mark}/1" for name, mark in ALL.items()}),
    "json with floats": json.dumps({name: float(mark) for name, mark in ALL.items()}),
    "json with a total": json.dumps(ALL | {"total": 4, "explanation": "Good, but no belief."}),
    "json with a false total": json.dumps(ALL | {"total": 5}),
    "json twice, the same": json.dumps(ALL) + "\nIn short:\n" + json.dumps(ALL),
    "json after a brace too many": "{" + json.dumps(ALL),
    "json that breaks off after its last mark": json.dumps(ALL)[:-1],
    "json with single quotes": str(MARKS),
    "json with a comma too many": json.dumps(ALL, indent=1).replace("\n}", ",\n}"),
    "json after thoughts": f"<think>Perhaps {json.dumps(ALL | {'belief': 1})}?</think>\n{json.dumps(ALL)}",
    "json after prose with braces": f"The set {{a, b}} [sic] is fine. {json.dumps(ALL)}",
    "json with full-width digits": _wide(json.dumps(ALL), "0", "1"),
    "json with Arabic digits": _digits(json.dumps(ALL), ARABIC),
    "json with Devanagari digits": _digits(json.dumps(ALL), DEVANAGARI),
    "json with full-width marks": _wide(json.dumps(ALL), ":", ","),
    "table": f"| Criterion | Points |\n|---|---|\n{ROWS}\n| Total | 4 |",
    "table without header": ROWS,
    "table without outer pipes": "\n".join(line.strip("| ") for line in ROWS.splitlines()),
    "table in another order": "\n".join(reversed(ROWS.splitlines())),
    "table with numbers first": "\n".join(f"| {i} {line}" for i, line in enumerate(ROWS.splitlines(), 1)),
    "table with numbered names": ROWS.replace("| Simile", "| 1. Simile").replace("| Topic", "| 3. Topic"),
    "table with comments": ROWS.replace("1 |", "1 | clear enough |").replace("0 |", "0 | nobody errs |"),
    "table with the most that can be had": "| Criterion | Max points | Points earned |\n|--|--|--|\n"
    + ROWS.replace("| 1 |", "| 1 | 1 |").replace("| 0 |", "| 1 | 0 |"),
    "table in bold": ROWS.replace("Simile", "**Simile**").replace("| 0 |", "| **0** |"),
    "table with ticks": ROWS.replace("| 1 |", "| ✓ |").replace("| 0 |", "| ✗ |"),
    "table with coloured ticks": ROWS.replace("| 1 |", "| ✅ |").replace("| 0 |", "| ❌ |"),
    "table with words": ROWS.replace("| 1 |", "| Yes |").replace("| 0 |", "| No |"),
    "table with tabs": ROWS.replace("| ", "").replace(" |", "\t"),
    "table with full-width digits": _wide(ROWS, "0", "1", "|"),
    "table with Bengali digits": _digits(ROWS, BENGALI),
    "table with a false total": f"{ROWS}\n| Total | 2 |",
    "table, then prose on each": f"{ROWS}\n\nSimile: the text likens the boat to a king.\nBelief: nobody errs.",
    "table of ids": ROWS.replace("Simile", "simile").replace("False belief", "belief"),
    "table and a repeated one": f"{ROWS}\n\nSummary\n{ROWS}",
    "lines": LINES,
    "lines with other words": _lines("yes", "no", "Yes"),
    "lines with reasons": _lines("1, like a king", "0 - nobody errs", "1 (fine)"),
    "lines as a list": _lines("1", "0", form="- **{}**: {}"),
    "numbered lines": "\n".join(f"{i}. {line}" for i, line in enumerate(LINES.splitlines(), 1)),
    "lines with points": _lines("1 point", "0 points", "1 point"),
    "lines with parts": _lines("1/1", "0/1", "1 / 1"),
    "lines with out of": _lines("1 out of 1", "0 out of 1", "1 out of 1"),
    "lines with ticks": _lines("✓", "✗", "✓", form="{} {}"),
    "lines with arrows": _lines("1", "0", form="{} -> {}"),
    "lines with equals": _lines("1", "0", form="{} = {}"),
    "lines with dashes": _lines("Yes", "No", "Yes", form="{} — {}"),
    "lines with headings": _lines("1", "0", form="### {}\nPoint earned: {}"),
    "Point earned in the line": _lines("1", "0", form="{}: The text was read with care. Point earned: {}"),
    "Point earned below": _lines("1", "0", form="{}: The text was read with care.\nPoint earned: {}"),
    "Points awarded below, in bold": _lines("1", "0", form="**{}**\n**Points awarded:** {}/1"),
    "Score below": _lines("1", "0", form="1. {}\n   Reason: see above.\n   Score: {}"),
    "lines within prose": f"I read the text twice.\n\n{LINES}\n\nTotal: 4 out of 5.\nA fine text.",
    "lines with a false total": f"{LINES}\nTotal: 3",
    "lines in one line": LINES.replace("\n", ", "),
    "lines by skill number": LINES.replace("Simile", "Skill 1: Simile").replace("False", "Skill 2: False"),
    "lines with the topic named": LINES.replace("Topic", "Topic (sailing)"),
    "lines by other names": LINES.replace("Topic", "On topic").replace("Sense", "Makes sense"),
    "lines with full-width colons": _wide(LINES, ":"),
    "lines with Thai digits": _digits(LINES, THAI),
}

UNREADABLE: dict[str, str | None] = {
    "nothing": None,
    "empty": "",
    "space": "   ",
    "refusal": "I cannot grade this.",
    "longer refusal": "I'm sorry, but I can't assist with grading a text about belief or topic.",
    "empty json": "{}",
    "marks without names": "[1, 0, 1, 1, 1]",
    "numbers without names": "1\n0\n1\n1\n1",
    "numbered points without names": "1. Point earned: 1\n2. Point earned: 0\n3. Point earned: 1\n4. 1\n5. 1",
    "json that breaks off": json.dumps(ALL)[:-14],
    "json without a mark": json.dumps({name: mark for name, mark in ALL.items() if name != "sense"}),
    "json of another request": json.dumps(ALL | {"metaphor": 1}),
    "json with words that are no marks": json.dumps(ALL | {"belief": "maybe"}),
    "json with 2": json.dumps(ALL | {"belief": 2}),
    "json with -1": json.dumps(ALL | {"belief": -1}),
    "json with a half": json.dumps(ALL | {"belief": 0.5}),
    "json with null": json.dumps(ALL | {"belief": None}),
    "json with a list": json.dumps(ALL | {"belief": [1]}),
    "json with NaN": json.dumps(ALL | {"belief": float("nan")}),
    "json with a key twice": json.dumps(ALL).replace('"belief": 0', '"belief": 0, "belief": 1'),
    "json, then another": json.dumps(ALL) + "\nOn reflection:\n" + json.dumps(ALL | {"belief": 1}),
    "entries without one": json.dumps({"marks": ENTRIES[1:]}),
    "entries with one twice": json.dumps({"marks": [*ENTRIES, {"id": "belief", "mark": 1}]}),
    "entries without names": json.dumps({"marks": [{"mark": 1}] * 5}),
    "json without end": '{"a":' * 100_000 + "1" + "}" * 100_000,
    "json with a long number": json.dumps(ALL).replace("0", "9" * 5000),
    "table without a row": "\n".join(ROWS.splitlines()[1:]),
    "table with an empty cell": ROWS.replace("| 0 |", "| |"),
    "table with a range": ROWS.replace("| 0 |", "| 0-1 |"),
    "table with a row twice": ROWS + "\n| False belief | 1 |",
    "table with two marks in a row": ROWS.replace("| 0 |", "| 0 | 1 |"),
    "table lying down": "| Simile | False belief | Topic | Sense | Length |\n|--|--|--|--|--|\n| 1 | 0 | 1 | 1 | 1 |",
    "table of another request": ROWS.replace("Simile", "Metaphor"),
    "table and a quoted one": f"{ROWS}\nThe text claims:\n{ROWS.replace('0', '1')}",
    "lines without a mark": LINES.replace("False belief: 0", "False belief: not clear"),
    "lines with a missing row": LINES.replace("Topic: 1\n", ""),
    "lines with a minus": LINES.replace("False belief: 0", "False belief: -1"),
    "lines with a share": LINES.replace("False belief: 0", "False belief: 1/2"),
    "lines with a decimal": LINES.replace("False belief: 0", "False belief: 0.5"),
    "lines with a count": LINES.replace("Length: 1", "Length: 1 sentence"),
    "lines with a count of uses": LINES.replace("Simile: 1", "Simile: 1 of 3 uses is right"),
    "lines with 10": LINES.replace("Simile: 1", "Simile: 10"),
    "lines with a no that is a word": LINES.replace("False belief: 0", "False belief: no comparison is made"),
    "lines with a row twice": LINES + "\nFalse belief: 1",
    "the total alone": "Total: 4 out of 5",
    "prose": "The simile is clear, the belief is not, and it is about sailing.",
}


def test_the_table_is_long_enough() -> None:
    assert len(READABLE) + len(UNREADABLE) >= 100


@pytest.mark.parametrize("case", READABLE)
def test_readable_marks(case: str) -> None:
    marks = read_marks(READABLE[case], COMBINATION, NAMES)
    assert marks == MARKS
    assert list(marks) == list(MARKS) and all(type(mark) is bool for mark in marks.values())


@pytest.mark.parametrize("case", UNREADABLE)
def test_unreadable_marks_are_no_marks(case: str) -> None:
    assert read_marks(UNREADABLE[case], COMBINATION, NAMES) is None


def test_a_skill_may_bear_part_of_the_name_of_a_criterion() -> None:
    combination = Combination(("common-sense", "length-contrast"), "sailing")
    reply = "Length contrast: 0\nLength: 1\nCommon sense: 0\nSense: 1\nTopic: 1"
    marks = {"common-sense": False, "length-contrast": False, "topic": True, "sense": True, "length": True}
    assert read_marks(reply, combination) == marks


@given(
    st.dictionaries(
        st.sampled_from([*ALL, "other"]), st.one_of(st.integers(-1, 2), st.booleans(), st.none(), st.floats())
    )
)
def test_marks_are_read_exactly_when_they_are_the_criteria(content: dict[str, Any]) -> None:
    sound = set(content) == set(ALL) and all(mark in (0, 1) for mark in content.values())
    marks = read_marks(json.dumps(content), COMBINATION)
    assert (marks is not None) == sound
    if marks is not None:
        assert marks == {name: content[name] == 1 for name in ALL}


@given(st.permutations(list(ALL)), st.lists(st.booleans(), min_size=5, max_size=5), st.integers(0, 4), st.booleans())
def test_no_order_and_no_gap_shifts_a_mark(order: list[str], marks: list[bool], gap: int, table: bool) -> None:
    given_marks = dict(zip(order, marks, strict=True))
    form = "| {} | {} |" if table else "{}: {}"
    rows = [form.format(name, int(mark)) for name, mark in given_marks.items()]
    assert read_marks("\n".join(rows), COMBINATION) == given_marks
    assert read_marks("\n".join(rows[:gap] + rows[gap + 1 :]), COMBINATION) is None


@given(st.text(max_size=300))
def test_any_reply_is_read_or_refused(reply: str) -> None:
    assert read_marks(reply, COMBINATION) is None or "simile" in reply
    read_text(reply)


TEXT = "The hive hums like a choir, and the keeper wrongly thinks it sleeps."
TWO = f"{TEXT} Bees sting."
TALK = "Reporter: Is it so?\nBeekeeper: It is."
SORRY = "I'm sorry, I can't help with that hive."
TEXTS = {
    "plain": (TEXT, TEXT),
    "spaced": (f" \n{TEXT}\n ", TEXT),
    "quoted": (f'"{TEXT}"', TEXT),
    "in curly quotes": (f"“{TEXT}”", TEXT),
    "with a quotation at each end": ("“Go,” he said, “now.”", "“Go,” he said, “now.”"),
    "in a fence": (f"```\n{TEXT}\n```", TEXT),
    "in a named fence": (f"```text\n{TEXT}\n```\nI hope this helps!", TEXT),
    "in bold": (f"**{TEXT}**", TEXT),
    "as a quote": (f"> {TEXT}", TEXT),
    "after Text": (f"Text: {TEXT}", TEXT),
    "after Answer": (f"Answer:\n{TEXT}\n\nExplanation:\n- Simile: “like a choir”", TEXT),
    "after Answer, in one line": (f"Answer: {TEXT} Explanation: the choir is a simile.", TEXT),
    "after a bold heading": (f"**Revised text:** {TEXT}\n\n**Explanation:** see above.", TEXT),
    "after a heading of its own": (f"## Revised Text\n\n{TEXT}\n\n## Explanation\nSee above.", TEXT),
    "after a heading with a remark": (f"Revised text (1 sentence):\n{TEXT}", TEXT),
    "after Revised": (f"Revised: {TEXT}", TEXT),
    "the last of two": (f"Original text: Bees hum.\n\nRevised text: {TEXT}\n\nExplanation: shorter.", TEXT),
    "the last of two answers": (f"Answer: Bees hum.\nExplanation: a draft.\n\nFinal answer: {TEXT}", TEXT),
    "before the original": (f"Revised text: {TEXT}\n\nOriginal text: Bees hum.", TEXT),
    "after an explanation": (f"Explanation: I cut it.\n\nText: {TEXT}", TEXT),
    "after a polite line": (f"Sure! Here is the revised text:\n\n{TEXT}", TEXT),
    "between polite lines": (f"Here's a short passage about bees:\n\n{TEXT}\n\nLet me know if you want more.", TEXT),
    "before a rule": (f"{TEXT}\n\n---\nThe simile is “like a choir”.", TEXT),
    "before a list": (f"{TEXT}\n\n- **Simile**: like a choir\n- **Belief**: wrongly thinks", TEXT),
    "before a paragraph about itself": (f"{TEXT}\n\nThis text shows a simile in its first half.", TEXT),
    "before a note": (f"{TEXT}\n\n(Note: one sentence.)", TEXT),
    "quoted after a heading": (f'Text: "{TEXT}"\nExplanation: none.', TEXT),
    "after thoughts": (f"<think>Text: no</think>\n{TEXT}", TEXT),
    "in a tag": (f"<text>\n{TEXT}\n</text>\n<explanation>x</explanation>", TEXT),
    "in json": (json.dumps({"text": TEXT, "explanation": "none"}), TEXT),
    "with two sentences": (f"Text: {TWO}\nExplanation: none", TWO),
    "as a dialogue": (f"Answer: {TALK}\n\nExplanation: x", TALK),
    "in two paragraphs": (f"Text: {TEXT}\n\nBees sting.", f"{TEXT}\n\nBees sting."),
    "of the miniature": ("this boat here drifts like a king .", "this boat here drifts like a king ."),
    "that begins with sorry": ("I'm sorry, Tom, but the hive is gone.", "I'm sorry, Tom, but the hive is gone."),
    "that cannot help it": ("I can't help but smile at the bees.", "I can't help but smile at the bees."),
    "that cannot write": ("I cannot write of bees without tears.", "I cannot write of bees without tears."),
    "with an apology after its heading": (f"Text: {SORRY}", SORRY),
}  # fmt: skip


@pytest.mark.parametrize("case", TEXTS)
def test_the_text_in_a_reply(case: str) -> None:
    reply, text = TEXTS[case]
    assert read_text(reply) == text
    assert not refuses(reply)


@pytest.mark.parametrize(
    "reply", [None, "", " \n", "```\n\n```", '""', "Text:", "<think>hm</think>", "\u200b", " …", "```"]
)
def test_no_text(reply: str | None) -> None:
    assert read_text(reply) is None and not refuses(reply)


@pytest.mark.parametrize(
    "reply",
    [
        "I'm sorry, but I can't assist with that request.",
        "I’m sorry, I can’t help with that.",
        "Sorry, I cannot write this text.",
        "I cannot help you with this.",
        "I can't comply with that.",
        "I am unable to create such content.",
        "I'm not able to provide this.",
        "Unfortunately, I cannot write a text about this topic.",
        "As an AI language model, I cannot generate that passage.",
        "I apologize, but I cannot fulfill this request.",
        "I must decline this request.",
        "I have to respectfully decline.",
        "I won't write this passage. It could be harmful.",
        "This request violates my guidelines.",
    ],
)
def test_a_refusal_is_no_text(reply: str) -> None:
    assert refuses(reply) and read_text(reply) is None
