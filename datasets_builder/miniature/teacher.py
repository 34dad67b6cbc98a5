"""The scripted teacher: an LLM's part in the conversation, played by a program that now and then slips.

Example, request and reply:

    write 1 on sailing showing simile , deixis
    this boat here drifts like a king .
"""

import hashlib
import json
import random
import re
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches

from datasets_builder.miniature.devices import place, placing_order
from datasets_builder.miniature.grammar import MAX_WORDS, split_sentences
from datasets_builder.miniature.lexicon import CLASS_OF, SKILLS, TOPICS
from datasets_builder.miniature.plan import SentencePlan
from datasets_builder.miniature.verifiers import grade
from datasets_builder.skillmix.rubric import sentence_limit

SLIP = 0.2  # drafts with one slip
NOTICE = 0.25  # faulty drafts that the teacher notices on re-reading, run-ons aside: those it always cuts
INCIDENTAL = 0.3  # drafts with one or two devices that nobody asked for
DENSE = 0.3  # texts that use one sentence fewer than their devices need at two a sentence
_TRIES = 8

_REQUEST = re.compile(r"write (?P<limit>[1-8]) on (?P<topic>\S+)(?: showing (?P<skills>\S+(?: , \S+)*))?")


def compose(
    skills: Sequence[str],
    topic: str,
    rng: random.Random,
    sentences: int | None = None,
    incidental: int = 0,
    limit: int | None = None,
) -> str:
    """An honest attempt at a text: the skills spread over its sentences and woven into shared clauses.

    Args:
        sentences: How many to write; else as many as the devices need, within the limit.
        incidental: Devices to add that were not asked for, from all skills.
        limit: Most sentences allowed; else ``sentence_limit(k)``.

    Returns:
        A text that shows the skills and fits ``MAX_WORDS``, in all but about one of a thousand cases.
    """
    text = ""
    for _ in range(_TRIES):
        devices = [*skills, *_others(skills, incidental, rng)]
        count = sentences or _choose_count(len(devices), limit or sentence_limit(len(skills)), rng)
        plans = [SentencePlan(topic, rng) for _ in range(count)]
        complete = _place_all(devices, plans, rng)
        texts = [plan.render() for plan in plans]
        text = " ".join(texts)
        if complete and max(len(sentence.split()) for sentence in texts) <= MAX_WORDS:
            break
    return text


def _others(skills: Sequence[str], count: int, rng: random.Random) -> list[str]:
    return rng.sample([skill for skill in SKILLS if skill not in skills], count) if count else []


def _choose_count(devices: int, limit: int, rng: random.Random) -> int:
    """Two devices a sentence, or now and then more, or fewer: any count from there to the limit."""
    least = (devices + 1) // 2 - (rng.random() < DENSE)
    return rng.randint(min(max(1, least), limit), limit)


def _place_all(devices: Sequence[str], plans: Sequence[SentencePlan], rng: random.Random) -> bool:
    """Deals the devices out over the sentences; one without room in its sentence goes to another."""
    seats = [index % len(plans) for index in range(len(devices))]
    rng.shuffle(seats)
    ordered = sorted(rng.sample(devices, len(devices)), key=placing_order)
    return all(
        any(place(device, plan) for plan in (plans[seat], *plans[:seat], *plans[seat + 1 :]))
        for device, seat in zip(ordered, seats, strict=True)
    )


def draft(
    skills: Sequence[str],
    topic: str,
    rng: random.Random,
    slip: float = SLIP,
    incidental: float = INCIDENTAL,
    limit: int | None = None,
) -> str:
    """The first answer: an honest attempt, with probability ``slip`` spoilt by one slip."""
    extra = rng.randint(1, 2) if rng.random() < incidental else 0
    text = compose(skills, topic, rng, incidental=extra, limit=limit)
    if rng.random() >= slip:
        return text
    spoil = rng.choices(list(SLIPS.values()), [0.34, 0.26, 0.20, 0.20])[0]
    return spoil(text, skills, topic, rng, limit or sentence_limit(len(skills)))


def revise(
    text: str,
    skills: Sequence[str],
    topic: str,
    rng: random.Random,
    slip: float = SLIP,
    incidental: float = INCIDENTAL,
    limit: int | None = None,
) -> str:
    """The second answer: cuts a run-on to the limit; may notice another fault and write anew, which can slip again."""
    limit = limit or sentence_limit(len(skills))
    revised = " ".join(" ".join(sentence.words) for sentence in split_sentences(text)[:limit])
    if all(grade(revised, skills, topic).values()) or rng.random() >= NOTICE:
        return revised
    return draft(skills, topic, rng, slip, incidental, limit)


def _forget_skill(text: str, skills: Sequence[str], topic: str, rng: random.Random, limit: int) -> str:
    """Writes as if one skill had not been asked for."""
    forgotten = rng.choice(skills) if skills else ""
    return compose([skill for skill in skills if skill != forgotten], topic, rng, limit=limit)


def _wander_off(text: str, skills: Sequence[str], topic: str, rng: random.Random, limit: int) -> str:
    """One noun of another topic."""
    words = text.split()
    spot = rng.choice([at for at, word in enumerate(words) if CLASS_OF[word] == "NOUN"])
    words[spot] = rng.choice(TOPICS[rng.choice([other for other in TOPICS if other != topic])].nouns)
    return " ".join(words)


def _swap_words(text: str, skills: Sequence[str], topic: str, rng: random.Random, limit: int) -> str:
    """Two words change places."""
    words = text.split()
    first, second = rng.sample(range(len(words)), 2)
    words[first], words[second] = words[second], words[first]
    return " ".join(words)


def _run_on(text: str, skills: Sequence[str], topic: str, rng: random.Random, limit: int) -> str:
    """Plain sentences beyond the limit."""
    missing = limit + 1 - len(split_sentences(text))
    return f"{text} {compose([], topic, rng, sentences=missing)}"


Spoil = Callable[[str, Sequence[str], str, random.Random, int], str]
SLIPS: Mapping[str, Spoil] = {
    "forgets": _forget_skill,
    "wanders": _wander_off,
    "swaps": _swap_words,
    "runs on": _run_on,
}


def reply(messages: Sequence[Mapping[str, str]], seed: int, slip: float = SLIP, incidental: float = INCIDENTAL) -> str:
    """The teacher's next message in a conversation that opens with a request line.

    [user] asks for a draft, [user, assistant, user] for a revision of what the assistant said. The same messages and
    seed give the same text in any process and any order of calls.

    Raises:
        ValueError: The conversation has another shape, or its first line is no request the teacher can read.
    """
    turns = [message for message in messages if message["role"] != "system"]
    roles = [turn["role"] for turn in turns]
    if roles not in (["user"], ["user", "assistant", "user"]):
        raise ValueError(f"the scripted teacher answers [user] or [user, assistant, user], got {roles}")
    skills, topic, limit = read_request(turns[0]["content"])
    rng = _rng(messages, seed)
    if len(turns) == 1:
        return draft(skills, topic, rng, slip, incidental, limit)
    return revise(turns[1]["content"], skills, topic, rng, slip, incidental, limit)


def read_request(line: str) -> tuple[list[str], str, int]:
    """The skills, topic and sentence limit of a request line such as "write 2 on sailing showing simile , deixis".

    Raises:
        ValueError: Another form, a skill or topic that is not of the miniature, or a skill twice.
    """
    parts = _REQUEST.fullmatch(line.strip())
    if parts is None:
        raise ValueError(f"unreadable request {line[:80]!r}: expected 'write 2 on sailing showing simile , deixis'")
    skills = parts["skills"].split(" , ") if parts["skills"] else []
    for word, known in [*((skill, SKILLS) for skill in skills), (parts["topic"], tuple(TOPICS))]:
        if word not in known:
            hint = "".join(f", did you mean {match!r}?" for match in get_close_matches(word, known, n=1))
            raise ValueError(f"unreadable request: {word!r} is not of the miniature{hint}")
    if len(set(skills)) < len(skills):
        raise ValueError(f"unreadable request {line[:80]!r}: a skill stands in it twice")
    return skills, parts["topic"], int(parts["limit"])


def _rng(messages: Sequence[Mapping[str, str]], seed: int) -> random.Random:
    key = json.dumps([seed, [[message["role"], message["content"]] for message in messages]])
    return random.Random(int.from_bytes(hashlib.sha256(key.encode()).digest()[:8]))
