"""Counts the sentences of a text, which decides the length criterion.

Example: ``“Stop!” he said. Dr. Lee paid $3.50 (see p. 4) and left…`` has 2 sentences, ``a boat drifts . how ?`` too.

The same sentence counts the same inside quotation marks and brackets as outside, so that no text gets under its limit
by quoting itself.
"""

import re
from functools import cache, lru_cache
from itertools import pairwise

from pysbd import Segmenter

_END = r"[.?!…]"
_ATTACHED = re.compile(rf"[^\s]{_END}")  # natural English; a tokenised text has a space before each full stop
_TOKENISED_END = re.compile(r"(?<=[.?!])[\"')\]]*(?:\s+|$)")
_BLOCK = re.compile(r"\n\s*\n|\n\s*(?=(?:[-*•]|\d{1,2}[.)])\s)")  # a paragraph or list item ends a sentence by itself
_BULLET = re.compile(r"^\s*[-*•]\s+")
_QUOTES = '"“”„«»‘\u2039\u203a()[]{}*_`'
_SPEAKER = (
    r"(?:\w+\s+){0,2}(?:said|says|asked|asks|cried|cries|replied|shouted|whispered|answered|muttered|called|added)\b"
)
_OPENS = r"(?!,\s*[“\"][A-Z])"  # “Why?” The smith replied, “For gold.” begins anew
_SPEECH_TAG = re.compile(rf"{_END}+(?=['’]?[{re.escape(_QUOTES)}]+\s+(?:[a-z]|{_SPEAKER}{_OPENS}))")  # “Stop!” he said
_UNQUOTE = str.maketrans(dict.fromkeys(_QUOTES, " "))
_APOSTROPHE = re.compile(r"(?<!\w)['’]|['’](?!\w)")  # a single quotation mark, which an apostrophe is not
_RUN = re.compile(r"([?!])[?!…]+")  # ?!, !!!
_BEFORE_I = re.compile(r"(?<=[a-z]{2})\.(?=\s+I\b)")  # pysbd takes "to me. I left" for an abbreviation
_SPLIT_TOO_SOON = re.compile(r"\b(?:approx|est|ca|Sr|Jr|Corp|Inc|Ltd|Co|a\.m|p\.m)\.\s*$")  # with what pysbd reads next
_GOES_ON = re.compile(r"\d|[A-Z][a-z]*day\b|(?:Corp|Inc|Ltd|Co)\.")


def count_sentences(text: str) -> int:
    """Sentences with a letter or digit in them; a last piece without a full stop counts as one."""
    natural = _ATTACHED.search(text) or _BLOCK.search(text)
    return _count_natural(text) if natural else _count_tokenised(text)


def _count_tokenised(text: str) -> int:
    return sum(map(_says_something, _TOKENISED_END.split(text)))


@lru_cache(maxsize=65536)  # screening and grading count the same text
def _count_natural(text: str) -> int:
    return sum(_count_block(_BULLET.sub("", block)) for block in _BLOCK.split(text))


def _count_block(block: str) -> int:
    spoken = _SPEECH_TAG.sub(",", block)
    plain = " ".join(_APOSTROPHE.sub(" ", spoken.translate(_UNQUOTE)).split())
    plain = re.sub(rf"\s+(?={_END}|,)", "", plain)  # what the quotation marks leave behind
    plain = _BEFORE_I.sub("!", _RUN.sub(r"\1", plain).replace("…", "..."))
    pieces = [piece for piece in _segmenter().segment(plain) if _says_something(piece)]
    joined = sum(bool(_SPLIT_TOO_SOON.search(first) and _GOES_ON.match(second)) for first, second in pairwise(pieces))
    return len(pieces) - joined


def _says_something(piece: str) -> bool:
    return any(char.isalnum() for char in piece)


@cache
def _segmenter() -> Segmenter:
    return Segmenter(language="en", clean=False)
