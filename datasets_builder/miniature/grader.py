"""The scripted grader LLM: reads a grade prompt, answers with marks in JSON.

Example, prompt and reply:

    grade on sailing showing simile , deixis
    text: "this boat here drifts like a king ."
    answer in json

    {"simile": 1, "deixis": 1, "topic": 1, "sense": 1, "length": 1}
"""

import json
import re

from datasets_builder.miniature.verifiers import grade

_PROMPT = re.compile(r"grade on (?P<topic>\S+) showing (?P<skills>\S+(?: , \S+)*)\ntext: (?P<text>.+)\nanswer in json")


def grade_reply(prompt: str) -> str:
    """The grader's answer to a grade prompt: one mark, 0 or 1, for each of the k + 3 criteria.

    Raises:
        ValueError: The prompt has not the three lines above, or asks for a skill or topic that is not of the miniature.
    """
    parts = _PROMPT.fullmatch(prompt.strip())
    if parts is None:
        lines = "'grade on ... showing ...', 'text: ...', 'answer in json'"
        raise ValueError(f"unreadable grade prompt {prompt[:80]!r}: expected the lines {lines}")
    marks = grade(_read_text(parts["text"]), parts["skills"].split(" , "), parts["topic"])
    return json.dumps({criterion: int(mark) for criterion, mark in marks.items()})


def _read_text(literal: str) -> str:
    try:
        text = json.loads(literal)
    except ValueError:
        text = None
    if not isinstance(text, str):
        raise ValueError(f"unreadable grade prompt: the text must be one JSON string, got {literal[:80]!r}")
    return text
