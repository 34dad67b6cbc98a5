"""The pre-training and replay text of the miniature, as rows of messages or of bare text.

Example rows:

    {"messages": [{"role": "user", "content": "showing simile write 1 on sailing"},
                  {"role": "assistant", "content": "the boat drifts like a king ."}]}
    {"text": "the boat drifts . the sail tilts with a crash ."}

Headings ask for up to five skills and are honoured in part only, as on the web; miniature.md, section 3 says why.
"""

import random
from collections.abc import Iterator, Sequence
from typing import Any

from datasets_builder.miniature.grammar import makes_sense
from datasets_builder.miniature.teacher import compose
from datasets_builder.miniature.verifiers import grade
from datasets_builder.skillmix.rubric import sentence_limit

LOOSE_RATE = 0.1  # headed texts that name one skill and may show more
HEADED_K = (0.35, 0.25, 0.2, 0.1, 0.1)  # of the others: how many ask for 1, 2, .. 5 skills
HONOURED = 0.3  # headings of two or more skills whose text shows them all
MOST_SHOWN = 3  # skills shown under a heading that is honoured in part
UNRELATED = (0, 1, 1, 2)  # devices beside them; one is drawn
EXTRA_RATE = 0.6  # single-skill texts with one or two further devices
PROMPTED = 0.7  # natural texts with a request for length and topic
NATURAL_SENTENCES = (1, 1, 1, 2, 2, 3, 4)  # one is drawn
NATURAL_DEVICES = (0.2, 0.4, 0.25, 0.15)  # sentences with 0, 1, 2, 3 devices

Row = dict[str, Any]


def request(skills: Sequence[str], topic: str, limit: int, rng: random.Random | None = None) -> str:
    """The line that asks for a text; with ``rng`` its parts stand in any order."""
    parts = [f"write {limit}", f"on {topic}"] + ([f"showing {' , '.join(skills)}"] if skills else [])
    if rng:
        rng.shuffle(parts)
    return " ".join(parts)


def headed(n: int, skills: Sequence[str], topics: Sequence[str], rng: random.Random) -> Iterator[Row]:
    """Pre-training texts under a request for skills: a single skill is always shown, several mostly in part."""
    for _ in range(n):
        topic = rng.choice(topics)
        if rng.random() < LOOSE_RATE:
            asked, text = _write_single(skills, topic, rng, EXTRA_RATE)
        else:
            asked = rng.sample(skills, rng.choices(range(1, len(HEADED_K) + 1), HEADED_K)[0])
            honoured = len(asked) == 1 or rng.random() < HONOURED
            text = _write_honoured(asked, topic, rng) if honoured else _write_in_part(asked, skills, topic, rng)
        yield _row(request(asked, topic, sentence_limit(len(asked)), rng), text)


def natural(n: int, skills: Sequence[str], topics: Sequence[str], rng: random.Random) -> Iterator[Row]:
    """Pre-training texts that follow no request for skills: most under a length and topic, the rest bare."""
    for _ in range(n):
        topic, count = rng.choice(topics), rng.choice(NATURAL_SENTENCES)
        text = write_natural(count, skills, topic, rng)
        yield _row(request([], topic, count, rng), text) if rng.random() < PROMPTED else {"text": text}


def single_skill(n: int, skills: Sequence[str], topics: Sequence[str], rng: random.Random) -> Iterator[Row]:
    """Replay for fine-tuning: one skill asked and shown, mostly with one or two further devices."""
    for _ in range(n):
        topic = rng.choice(topics)
        asked, text = _write_single(skills, topic, rng, EXTRA_RATE)
        yield _row(request(asked, topic, sentence_limit(1), rng), text)


def write_natural(count: int, skills: Sequence[str], topic: str, rng: random.Random) -> str:
    """A text of ``count`` sentences, each with up to three devices of its own choice."""
    while True:
        drawn = [rng.sample(skills, rng.choices(range(len(NATURAL_DEVICES)), NATURAL_DEVICES)[0]) for _ in range(count)]
        text = " ".join(compose(devices, topic, rng, sentences=1) for devices in drawn)
        if makes_sense(text):
            return text


def _write_single(skills: Sequence[str], topic: str, rng: random.Random, extra_rate: float) -> tuple[list[str], str]:
    """One skill and a text that shows it, at ``extra_rate`` with one or two further devices."""
    asked = [rng.choice(skills)]
    extra = rng.randint(1, 2) if rng.random() < extra_rate else 0
    return asked, _write_honoured(asked, topic, rng, extra)


def _write_honoured(asked: Sequence[str], topic: str, rng: random.Random, extra: int = 0) -> str:
    """A text with full marks."""
    while True:
        text = compose(asked, topic, rng, incidental=extra)
        if all(grade(text, asked, topic).values()):
            return text


def _write_in_part(asked: Sequence[str], skills: Sequence[str], topic: str, rng: random.Random) -> str:
    """A well-formed text that shows one to three of the skills asked for, never all, and up to two others."""
    while True:
        shown = rng.sample(asked, min(rng.randint(1, len(asked) - 1), MOST_SHOWN))
        others = [skill for skill in skills if skill not in asked]
        shown += rng.sample(others, min(rng.choice(UNRELATED), len(others)))
        text = compose(shown, topic, rng, sentences=rng.randint(1, sentence_limit(len(asked))))
        if makes_sense(text):
            return text


def _row(line: str, text: str) -> Row:
    return {"messages": [{"role": "user", "content": line}, {"role": "assistant", "content": text}]}
