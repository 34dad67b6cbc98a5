"""What a sentence of the miniature is: one regular grammar over word classes, and the rules beside it.

Example: "ah , the bold bright boat drifts like a king ." has the classes
"CRY , the ADJ ADJ NOUN VERB like a VEHICLE ."; it makes sense.
"""

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple, TypeAlias

from datasets_builder.miniature.lexicon import ASIDES, CLASS_OF, CONTINUATIONS, UNKNOWN

# Words in a sentence, punctuation included. The 99th percentile of honest texts is 22, with incidental devices 24; at
# 20, one in eight of the latter would be rejected at k = 2. Packed sentences fall to MAX_UNREQUESTED.
MAX_WORDS = 25


class Sentence(NamedTuple):
    """The words of one sentence, the class of each, and the classes as one string with a space at either end."""

    words: tuple[str, ...]
    classes: tuple[str, ...]
    line: str


Sentences: TypeAlias = Sequence[Sentence]

_ADJECTIVES = r"ADJ(?: (?:, |and )?ADJ){0,3}"
_NOUN_PHRASE = rf"(?:(?:the|every) (?:{_ADJECTIVES} )?NOUN|this (?:{_ADJECTIVES} )?NOUN here)"
_SUBJECT = rf"(?:either {_NOUN_PHRASE} or {_NOUN_PHRASE}|{_NOUN_PHRASE}(?: , not ADJ but ADJ ,)?)"


def _verbs(form: str) -> str:
    return rf"(?:(?:{'|'.join(CONTINUATIONS)}) )?{form}(?: (?:,|and) {form}){{0,3}}"


_CLAUSE = rf"{_SUBJECT} {_verbs('VERB')}"
_ADJUNCT = (
    rf"(?:like a VEHICLE|COMPARATIVE than {_NOUN_PHRASE}|PLACE {_NOUN_PHRASE}|with a SOUND|for a AGE years"
    rf"|to DEED NAME|not UNMANNER|MANNER , MANNER|\( (?:{'|'.join(ASIDES)}) \))"
)


def _main(form: str) -> str:
    """One main clause, or two joined by "and" or by a comma and an opener."""
    core = rf"{_SUBJECT} {form}(?: {_ADJUNCT})*(?: (?:because|TIME) {_CLAUSE}){{0,2}}"
    return rf"(?:OPENER )?{core}(?: (?:and|and OPENER|, OPENER) {core})?"


_FRAME = r"(?:NAME wrongly thinks that|it is said that|as the EXPERT says ,|NAME is glad that)"
_OPENING = rf"(?:(?:if|although) {_CLAUSE} , )"
_SENTENCE = re.compile(
    rf" (?:CRY , )?(?:o NOUN , )?(?:who could doubt that )?(?:{_FRAME} ){{0,3}}"
    rf"(?:{_OPENING}{{0,2}}{_main(_verbs('VERB'))}"
    rf"|{_OPENING}?but for {_NOUN_PHRASE} , {_OPENING}?{_main('would ' + _verbs('BASE'))}) [.?] "
)
_ADJUNCT_MARKS = ("like", "COMPARATIVE", "PLACE", "with", "AGE", "DEED", "UNMANNER", "(")
_LINKS_AND_FRAMES = ("because", "TIME", "if", "although", "wrongly", "glad", "said", "says")
_AT_MOST_ONCE = frozenset(_ADJUNCT_MARKS + _LINKS_AND_FRAMES)


def split_sentences(text: str) -> list[Sentence]:
    """The sentences of a text; words after the last full stop or question mark count as one more, unfinished."""
    words = text.split()
    ends = [i + 1 for i, word in enumerate(words) if word in (".", "?")]
    cuts = [0, *ends] if ends and ends[-1] == len(words) else [0, *ends, len(words)]
    return [_sentence(words[start:end]) for start, end in pairwise(cuts) if start < end]


def _sentence(words: Sequence[str]) -> Sentence:
    classes = tuple([CLASS_OF.get(word, UNKNOWN) for word in words])
    return Sentence(tuple(words), classes, f" {' '.join(classes)} ")


def makes_sense(text: str) -> bool:
    """Whether every sentence of the text is well formed and none stands in it twice; an empty text is not."""
    return all_make_sense(split_sentences(text))


def all_make_sense(sentences: Sentences) -> bool:
    """Like ``makes_sense``, of a text that is already split."""
    distinct = len({sentence.words for sentence in sentences}) == len(sentences) > 0
    return distinct and all(_is_well_formed(sentence) for sentence in sentences)


def _is_well_formed(sentence: Sentence) -> bool:
    """Short enough, in the grammar, a question exactly if it doubts, no adjunct or link twice, no tautology."""
    if len(sentence.words) > MAX_WORDS or not _SENTENCE.fullmatch(sentence.line):
        return False
    if ("who" in sentence.words) != (sentence.words[-1] == "?"):
        return False
    once = [name for name in sentence.classes if name in _AT_MOST_ONCE]
    return len(once) == len(set(once)) and sentence.classes.count("MANNER") <= 2 and not _is_tautology(sentence)


def _is_tautology(sentence: Sentence) -> bool:
    """Whether a noun meets the same verb twice: "if the boat drifts , the boat drifts"."""
    noun, met = "", set()
    for word, name in zip(sentence.words, sentence.classes, strict=True):
        if name == "NOUN":
            noun = word
        elif name in ("VERB", "BASE"):
            if (noun, word) in met:
                return True
            met.add((noun, word))
    return False
