"""What no contributed text may hold: hidden and look-alike characters, code, links, addresses, keys.

    list(find_unsafe("write to me@example.org"))
    [Unsafe(fault="holds an e-mail address, 'me@example.org'", cure="take it out")]

Texts are English: a letter outside Latin has no use in them. In a contributor's name it has.
"""

import re
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

from datasets_builder.preflight_secrets import KEYS, PATHS, Rules

OWN_LETTERS = frozenset("æœøßłđðþÆŒØẞŁĐÐÞ")  # Latin letters that are not a letter of English with a mark on it
ALIKE = frozenset(("LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE", "COPTIC"))  # scripts that share shapes
BIDI = frozenset(("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"))
KINDS = {"Cc": "a control character", "Cf": "invisible", "Cs": "half a character", "Zs": "an unusual space"}

PATTERNS = (  # what it is, cure, expression; the first that fits is told
    (
        "a token of a chat template",
        "tell it in words",
        r"<\|.{1,40}?\|>|\[/?INST\]|<</?SYS>>|</?s>|<(?:start|end)_of_turn>",
    ),
    ("script", "take it out", r"(?i:<\s*script|javascript:|\bon[a-z]{3,}\s*=\s*[\"'])"),
    ("HTML", "write plain text", r"</?[A-Za-z!][^<>]*>|<!--|&(?:#\w+|[A-Za-z]{2,8});"),
    ("template code", "take the braces out", r"\{\{|\{%|\{#|\$\{"),
    ("Markdown", "write plain text", r"\]\(|```"),
    ("an e-mail address", "take it out", r"(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+"),
    ("a link", "take it out", r"(?<![A-Za-z0-9+.-])[A-Za-z][A-Za-z0-9+.-]*://|\bwww\.\w"),
    ("a network address", "take it out", r"\b\d{1,3}(?:\.\d{1,3}){3}\b"),
    ("a telephone number", "take it out", r"\+\d[\d ()-]{7,}\d"),
)
LINKS = ("an e-mail address", "a link")
_COMPILED = tuple((what, cure, re.compile(pattern)) for what, cure, pattern in PATTERNS)
_RULES = Rules(KEYS, PATHS)
_WORD = re.compile(r"\w+")


class Unsafe(NamedTuple):
    """What a text holds, and what to do about it."""

    fault: str
    cure: str


def find_unsafe(text: str, *, links: bool = False, english: bool = True) -> Iterator[Unsafe]:
    """What is wrong with a text, the first of each kind.

    Args:
        text: Any text; what is printed of it is printable.
        links: Whether addresses may stand in it, as in a source.
        english: Whether its letters must be those of English; else no word may mix scripts that look alike.
    """
    if not (text.isascii() and text.replace("\n", " ").isprintable()):
        yield from find_hidden(text)
        yield from _find_foreign(text) if english else _find_mixed(text)
    for what, _ in _RULES.find(text):  # of a key, nothing is repeated
        yield Unsafe(f"holds {what}", "take it out, and if it is a key that works, revoke it")
        return
    for what, cure, pattern in _COMPILED:
        if not (links and what in LINKS) and (found := pattern.search(text)):
            yield Unsafe(f"holds {what}, {found[0][:40]!a}", cure)
            return


def find_hidden(text: str) -> Iterator[Unsafe]:
    """The first character that a reader cannot see as it is."""
    for char in text:
        if unicodedata.bidirectional(char) in BIDI:
            yield Unsafe(f"{describe(char)} turns the direction of the text", "delete it")
            return
        if char != "\n" and not char.isprintable():
            kind = KINDS.get(unicodedata.category(char), "no character of a text")
            yield Unsafe(f"{describe(char)} is {kind}", "delete it, or type a plain space")
            return


def describe(char: str) -> str:
    """``U+202E RIGHT-TO-LEFT OVERRIDE``."""
    return f"U+{ord(char):04X} {unicodedata.name(char, '')}".rstrip()


def _find_foreign(text: str) -> Iterator[Unsafe]:
    """The first letter, digit or mark that only looks like one of English."""
    for char in text:
        if unicodedata.category(char) in ("Mn", "Me", "Mc"):
            yield Unsafe(f"{describe(char)} stands on another letter", "type the letter with its mark as one character")
            return
        if not char.isascii() and (char.isalpha() or char.isdecimal()) and not _is_latin(char):
            word = next(word for word in _WORD.findall(text) if char in word)
            yield Unsafe(f"{char!r} in {word[:40]!r} is {describe(char)}", "type it with the letters of English")
            return


def _is_latin(char: str) -> bool:
    """A letter of English, with a mark on it perhaps; not one of another width, weight or size."""
    plain = unicodedata.normalize("NFKD", char)[0].isascii() and unicodedata.normalize("NFKC", char) == char
    return plain or char in OWN_LETTERS


def _find_mixed(text: str) -> Iterator[Unsafe]:
    """The first word with letters of two scripts that look alike."""
    for word in _WORD.findall(unicodedata.normalize("NFKC", text)):
        scripts = {unicodedata.name(char, "").split(" ")[0] for char in word if char.isalpha()} & ALIKE
        if len(scripts) > 1:
            yield Unsafe(
                f"{word[:40]!r} mixes letters of {' and '.join(s.title() for s in sorted(scripts))}", "use one alphabet"
            )
            return
