"""One verifier for each skill, and the k + 3 marks of a text.

Example: ``present("the boat drifts like a king .")`` is ``{"simile"}``; graded for simile on sailing, the text has the
marks ``{"simile": True, "topic": True, "sense": True, "length": True}``.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from types import MappingProxyType

from datasets_builder.miniature.grammar import MAX_WORDS, Sentence, Sentences, all_make_sense, split_sentences
from datasets_builder.miniature.lexicon import (
    ALLITERATING_PAIRS,
    HUMAN_WORDS,
    OPPOSITE_PAIRS,
    SKILLS,
    TOPIC_OF,
    TOPICS,
    UNKNOWN,
)
from datasets_builder.skillmix.rubric import sentence_limit

__all__ = ["MAX_UNREQUESTED", "MAX_WORDS", "VERIFIERS", "Verifier", "grade", "present"]

MAX_UNREQUESTED = 2  # devices nobody asked for; a text packed with devices would meet many requests unread

Verifier = Callable[[Sentences], bool]

_ALLITERATING = frozenset(ALLITERATING_PAIRS)
_OPPOSITE = frozenset(OPPOSITE_PAIRS) | {(second, first) for first, second in OPPOSITE_PAIRS}
_DETERMINERS = ("the", "every", "this")
_JOINERS = ("and", ",")


def _phrase(*phrases: str) -> Verifier:
    """Some sentence has one of the phrases, written in word classes."""
    padded = tuple(f" {phrase} " for phrase in phrases)

    def shows(sentences: Sentences) -> bool:
        return any(phrase in sentence.line for sentence in sentences for phrase in padded)

    return shows


def _pattern(pattern: str) -> Verifier:
    """Some sentence has the regular expression, over word classes with a space at either end."""
    search = re.compile(pattern).search

    def shows(sentences: Sentences) -> bool:
        return any(search(sentence.line) for sentence in sentences)

    return shows


def _pair(phrase: str, offset: int, pairs: frozenset[tuple[str, str]]) -> Verifier:
    """Some sentence has a word pair of a closed list, ``offset`` words apart, inside the phrase that carries it."""
    padded = f" {phrase} "

    def shows(sentences: Sentences) -> bool:
        return any(
            not pairs.isdisjoint(zip(sentence.words, sentence.words[offset:], strict=False))
            for sentence in sentences
            if padded in sentence.line
        )

    return shows


def _list(joiner: str) -> Verifier:
    """Some sentence has a list of at least three different adjectives or verbs, all joined by ``joiner``."""

    def shows(sentences: Sentences) -> bool:
        return any(
            len(items) >= 3 and joiners == {joiner}
            for sentence in sentences
            if sentence.words.count(joiner) >= 2
            for items, joiners in _lists(sentence)
        )

    return shows


def _lists(sentence: Sentence) -> Iterator[tuple[set[str], set[str]]]:
    """Each longest run of adjectives, or of verbs, with "and" or "," between: its words and its joiners."""
    words, classes = sentence.words, sentence.classes
    start = 0
    while start < len(words):
        end = start
        if classes[start] in ("ADJ", "VERB", "BASE"):
            while classes[end + 2 : end + 3] == (classes[start],) and words[end + 1] in _JOINERS:
                end += 2
            yield set(words[start : end + 1 : 2]), set(words[start + 1 : end : 2])
        start = end + 1


def _shows_erotema(sentences: Sentences) -> bool:
    return any(" who could doubt that " in sentence.line and sentence.words[-1] == "?" for sentence in sentences)


def _shows_epizeuxis(sentences: Sentences) -> bool:
    return any(
        words[at] == words[at + 2]
        for words, classes, line in sentences
        if " MANNER , MANNER " in line
        for at in range(len(words) - 2)
        if classes[at : at + 3] == ("MANNER", ",", "MANNER")
    )


def _shows_personification(sentences: Sentences) -> bool:
    return any(not HUMAN_WORDS.isdisjoint(sentence.words) for sentence in sentences)


def _shows_anaphora(sentences: Sentences) -> bool:
    """Two clauses of a sentence, or two neighbouring sentences, open with the same opener."""
    for words, classes, line in sentences:
        openers = [word for word, name in zip(words, classes, strict=True) if name == "OPENER"]
        if len(openers) == 2 and openers[0] == openers[1] and re.search(r" (?:,|and) OPENER ", line):
            return True
    return any(a.classes[0] == "OPENER" and a.words[0] == b.words[0] for a, b in pairwise(sentences))


def _shows_ecphonesis(sentences: Sentences) -> bool:
    return any(sentence.line.startswith(" CRY , ") for sentence in sentences)


VERIFIERS: Mapping[str, Verifier] = MappingProxyType(
    {
        "simile": _phrase("like a VEHICLE"),
        "alliteration": _pair("ADJ ADJ", 1, _ALLITERATING),
        "onomatopoeia": _phrase("with a SOUND"),
        "personification": _shows_personification,
        "hyperbole": _phrase("for a AGE years"),
        "oxymoron": _pair("ADJ ADJ", 1, _OPPOSITE),
        "apostrophe": _phrase("o NOUN ,"),
        "ecphonesis": _shows_ecphonesis,
        "epizeuxis": _shows_epizeuxis,
        "polysyndeton": _list("and"),
        "asyndeton": _list(","),
        "erotema": _shows_erotema,
        "antithesis": _pair("not ADJ but ADJ", 2, _OPPOSITE),
        "anaphora": _shows_anaphora,
        "litotes": _phrase("not UNMANNER"),
        "parenthesis": _pattern(r" \( [^()]+ \) "),
        "causality": _phrase("because"),
        "conditional": _phrase("if"),
        "concession": _phrase("although"),
        "counterfactual": _pattern(" but for .* would "),
        "comparison": _phrase("COMPARATIVE than"),
        "disjunction": _pattern(" either .* or "),
        "universal": _phrase("every"),
        "belief": _phrase("NAME wrongly thinks that"),
        "emotion": _phrase("NAME is glad that"),
        "purpose": _phrase("to DEED NAME"),
        "evidence": _phrase("it is said that"),
        "presupposition": _pattern(" (?:still|no longer|once again) (?:VERB|BASE) "),
        "deixis": _pattern(r" this (?:(?:ADJ|,|and) )*NOUN here "),
        "authority": _phrase("as the EXPERT says ,"),
        "space": _phrase(*(f"PLACE {determiner}" for determiner in _DETERMINERS)),
        "time": _phrase(*(f"TIME {determiner}" for determiner in (*_DETERMINERS, "either"))),
    }
)


def present(text: str) -> set[str]:
    """All skills that a text shows, asked for or not."""
    return _shown_in(split_sentences(text))


def grade(text: str, skills: Sequence[str], topic: str) -> dict[str, bool]:
    """The k + 3 marks of a text.

    topic: a noun of the topic, and no noun or verb of another. sense: the grammar's rules, and at most
    ``MAX_UNREQUESTED`` devices that were not asked for. length: at most ``sentence_limit(k)`` sentences. A text that
    names any skill of the catalogue gets no skill mark.

    Raises:
        ValueError: A skill or the topic is not of the miniature.
    """
    if unknown := [skill for skill in skills if skill not in VERIFIERS] + [topic] * (topic not in TOPICS):
        raise ValueError(f"cannot grade {unknown[0]!r}: not a skill or topic of the miniature")
    sentences = split_sentences(text)
    shown = _shown_in(sentences)
    named = _names_a_skill(sentences)
    return {
        **{skill: skill in shown and not named for skill in skills},
        "topic": _is_on_topic(sentences, topic),
        "sense": len(shown.difference(skills)) <= MAX_UNREQUESTED and all_make_sense(sentences),
        "length": 0 < len(sentences) <= sentence_limit(len(skills)),
    }


def _shown_in(sentences: Sentences) -> set[str]:
    return {skill for skill, shows in VERIFIERS.items() if shows(sentences)}


def _is_on_topic(sentences: Sentences, topic: str) -> bool:
    words = {word for sentence in sentences for word in sentence.words}
    topics = {TOPIC_OF[word] for word in words if word in TOPIC_OF}
    return topics == {topic} and not words.isdisjoint(TOPICS[topic].nouns)


_ANY_SKILL = re.compile(rf"\b(?:{'|'.join(SKILLS)})\b", re.IGNORECASE)


def _names_a_skill(sentences: Sentences) -> bool:
    """Whether a skill's name stands in a word outside the lexicon, which has no skill's name itself."""
    return any(
        name == UNKNOWN and _ANY_SKILL.search(word) is not None
        for sentence in sentences
        for word, name in zip(sentence.words, sentence.classes, strict=True)
    )
