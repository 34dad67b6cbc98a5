"""Reads the k + 3 marks out of a grader's reply: JSON, a table, or a line for each criterion.

Example: ``| Simile | 1 |`` or ``1. **Simile**: yes, "like a choir"`` or ``{"marks": [{"id": "simile", "mark": 1}]}``.

A mark belongs to the criterion that is named beside it and never to a position. A criterion that is missing, marked
twice and differently, or neither 0 nor 1 makes the whole vote unreadable: never a silent zero, never a shifted row.
"""

import json
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from datasets_builder.skillmix.combinations import Combination
from datasets_builder.skillmix.rubric import criteria

_THOUGHTS = re.compile(r"<(think|thinking|reasoning)>.*?</\1>", re.DOTALL | re.IGNORECASE)
_OPENING = re.compile(r"[{\[]")
MAX_BROKEN = 100  # brackets that open no JSON, before the rest is no longer tried
_YES = frozenset({"1", "1.0", "yes", "y", "true", "pass", "passed", "met", "✓", "✔", "✅", "☑", "👍"})
_NO = frozenset({"0", "0.0", "no", "n", "false", "fail", "failed", "not met", "✗", "✘", "❌", "✕", "\u00d7", "☒", "👎"})
_WORDS = "|".join(sorted(map(re.escape, _YES | _NO), key=len, reverse=True))
_MARK = re.compile(
    rf"(?P<mark>{_WORDS})\ufe0f?(?:\s*(?:/|out of|of)\s*1(?![\d.]))?(?:\s*(?:points?|pts?\.?))?"
    r"\s*(?=$|[,;(|}]|\.(?!\d)|[–—-](?!\d))",
    re.IGNORECASE,
)
_EARNED = re.compile(
    r"\b(?:points?|marks?|scores?|verdict|result|awarded)(?:\s+(?:earned|awarded|given|received|score))?"
    r"\s*[:=–—]\s*(?P<rest>.*)",
    re.IGNORECASE,
)
_ALIASES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "topic": ("on topic", "about the topic", "topic relevance", "the text is about the topic"),
        "sense": ("makes sense", "the text makes sense", "coherence"),
        "length": ("sentence limit", "sentence count", "number of sentences", "within the sentence limit"),
    }
)
_VALUE_KEYS = ("mark", "score", "point", "points", "point earned", "points earned", "value", "verdict", "awarded")
_LABEL_KEYS = ("id", "criterion", "name", "skill", "item", "key")
_COMMENT_KEYS = (
    "total",
    "sum",
    "overall",
    "explanation",
    "reason",
    "reasons",
    "reasoning",
    "comment",
    "comments",
    "notes",
)
_SEPARATOR = re.compile(r"^(?:[\s:=|(>,*_`\"']|[–—-]+(?!\d))+")  # no minus sign
_DECOR = "*_`\"'“”‘’#>[]() \t"
_HEADER = re.compile(r"earned|awarded|given|mark|score|verdict|points?\b|result", re.IGNORECASE)
_MAXIMUM = re.compile(r"max|possible|available|worth|weight|out of", re.IGNORECASE)

Found = Sequence[tuple[str, bool | None]]  # a criterion with its mark, None where that is neither 0 nor 1


def read_marks(
    reply: str | None, combination: Combination, names: Mapping[str, str] = MappingProxyType({})
) -> dict[str, bool] | None:
    """The k + 3 marks in a grader's reply, in the order of the criteria, or None when it is unreadable.

    Args:
        reply: What the grader said.
        combination: What it graded.
        names: The name that the prompt gives to each skill, by slug; a reply may use either.
    """
    text = _plain(without_thoughts(reply or ""))
    labels = _labels(combination, names)
    for find in (_in_json, _in_tables, _in_lines):
        found = find(text, labels)
        if found is not None:
            return _settle(found, criteria(combination.skills))
    return None


def without_thoughts(reply: str) -> str:
    """The reply without the thoughts that a reasoning model may put before it."""
    return _THOUGHTS.sub("", reply)


def _settle(found: Found, expected: Sequence[str]) -> dict[str, bool] | None:
    marks: dict[str, bool] = {}
    for name, mark in found:
        if name not in expected or mark is None or marks.setdefault(name, mark) != mark:
            return None
    return {name: marks[name] for name in expected} if len(marks) == len(expected) else None


def _plain(text: str) -> str:
    """Compatible forms of characters, and the digits of every script as 0 to 9."""
    normal = unicodedata.normalize("NFKC", text)
    return "".join(str(unicodedata.decimal(c)) if not c.isascii() and c.isdecimal() else c for c in normal)


def _labels(combination: Combination, names: Mapping[str, str]) -> dict[str, str]:
    """What a reply may call each criterion, in small letters, with the criterion."""
    labels = {alias: name for name, aliases in _ALIASES.items() for alias in aliases}
    labels |= {name: name for name in ("topic", "sense", "length")}
    for slug in combination.skills:  # last: a skill goes before an alias of the same name
        name = _plain(names.get(slug, slug)).lower()
        labels |= dict.fromkeys((slug, slug.replace("-", " "), name, name.split("(")[0].strip()), slug)
    labels.pop("", None)
    return labels


def _label_of(text: str, labels: Mapping[str, str]) -> str | None:
    """The criterion that a cell or key names, apart from its number and decoration."""
    bare = re.sub(r"^\W*(?:\d{1,2}|[a-z])[.):]\s*", "", text.strip(), flags=re.IGNORECASE).strip(_DECOR + ":.").lower()
    bare = " ".join(bare.replace("_", " ").split())
    return labels.get(bare) or labels.get(bare.split("(")[0].strip())


def _to_mark(value: object) -> bool | None:
    if isinstance(value, int | float):
        return bool(value) if value in (0, 1) else None
    if not isinstance(value, str):
        return None
    found = _MARK.fullmatch(value.strip().strip(_DECOR))
    return None if found is None else found["mark"].lower() in _YES


def _in_json(text: str, labels: Mapping[str, str]) -> Found | None:
    """The marks of all JSON objects and arrays that name a criterion; None where there are none."""
    readings = [list(_pairs_of(content, labels)) for content in _json_values(text)]
    return [p for pairs in readings if any(name in labels.values() for name, _ in pairs) for p in pairs] or None


def _json_values(text: str) -> Iterator[Any]:
    decoder = json.JSONDecoder(object_pairs_hook=_Pairs)
    at, broken = 0, 0
    while broken < MAX_BROKEN and (begin := _OPENING.search(text, at)) is not None:
        try:
            content, at = decoder.raw_decode(text, begin.start())
            yield content
        except (ValueError, RecursionError):  # text of a model: broken, or nested without end
            at, broken = begin.end(), broken + 1


class _Pairs(list[tuple[str, Any]]):
    """A JSON object with every key as often as it stands there; json itself lets the last one win."""


def _pairs_of(content: Any, labels: Mapping[str, str], depth: int = 0) -> Iterator[tuple[str, bool | None]]:
    """Criteria and marks in an object by label, an object of objects, or an array of entries with label and mark."""
    if depth > 3 or not isinstance(content, list):
        return
    if not isinstance(content, _Pairs):
        for entry in content:
            yield from _pairs_of(entry, labels, depth + 1)
        return
    fields = {key.lower().replace("_", " "): value for key, value in content}
    label = next((fields[key] for key in _LABEL_KEYS if isinstance(fields.get(key), str)), None)
    if label is not None and any(key in fields for key in _VALUE_KEYS):
        yield _label_of(label, labels) or label, _mark_in(content)
        return
    for key, value in content:
        name = _label_of(key, labels)
        if name is not None:
            yield name, _mark_in(value)
        elif isinstance(value, list):
            yield from _pairs_of(value, labels, depth + 1)
        elif key.lower() not in _COMMENT_KEYS and (_to_mark(value) is not None or not isinstance(value, str)):
            yield key, None  # a mark for what was not asked


def _mark_in(value: Any) -> bool | None:
    if not isinstance(value, _Pairs):
        return _to_mark(value)
    marks = [_to_mark(inner) for key, inner in value if key.lower().replace("_", " ") in _VALUE_KEYS]
    return marks[0] if len(marks) == 1 else None


def _in_tables(text: str, labels: Mapping[str, str]) -> Found | None:
    """The marks of the rows of tables drawn with pipes or tabs; None where no row names a criterion."""
    found: list[tuple[str, bool | None]] = []
    column: int | None = None
    for line in text.splitlines():
        cells = _cells(line)
        if len(cells) < 2:
            continue
        at = next((i for i, cell in enumerate(cells) if _label_of(cell, labels)), None)
        if at is None:
            column = _mark_column(cells) if column is None else column
            continue
        found.append((_label_of(cells[at], labels) or "", _mark_of_row(cells[at + 1 :], column, at)))
    return found or None


def _cells(line: str) -> list[str]:
    if "|" in line:
        return [cell.strip() for cell in line.strip().strip("|").split("|")]
    return [cell.strip() for cell in line.strip().split("\t")]


def _mark_column(header: Sequence[str]) -> int | None:
    columns = [i for i, cell in enumerate(header) if _HEADER.search(cell) and not _MAXIMUM.search(cell)]
    return columns[0] if len(columns) == 1 else None


def _mark_of_row(cells: Sequence[str], column: int | None, label_at: int) -> bool | None:
    """The mark in the column that the header names, or else the only mark to the right of the label."""
    if column is not None and 0 <= column - label_at - 1 < len(cells):
        return _to_mark(cells[column - label_at - 1])
    marks = {mark for cell in cells if (mark := _to_mark(cell)) is not None}
    return marks.pop() if len(marks) == 1 else None


def _in_lines(text: str, labels: Mapping[str, str]) -> Found | None:
    """The marks of lines that begin with a criterion, or of the "Point earned" line below it."""
    found: list[tuple[str, bool | None]] = []
    waiting: str | None = None
    for line in _lines(text, labels):
        name, rest = _split_line(line, labels)
        if name is not None:
            mark = _mark_at_start(rest)
            waiting = name if mark is None else None
            found += [] if mark is None else [(name, mark)]
        elif waiting is not None and (earned := _EARNED.match(line.strip(_DECOR + "-•:"))):
            found.append((waiting, _begins_with_mark(earned["rest"])))
            waiting = None
    return found or None


def _lines(text: str, labels: Mapping[str, str]) -> list[str]:
    """The lines, and the entries of a list in one line: JSON that breaks off, or ``simile: 1, topic: 0``."""
    known = "|".join(map(re.escape, labels))
    return re.split(rf"\n|[{{,;]\s*(?=[\"'*`]*(?:{known})[\"'*`]*\s*[:=])", text, flags=re.IGNORECASE)


def _split_line(line: str, labels: Mapping[str, str]) -> tuple[str | None, str]:
    """The criterion that a line begins with, and what follows it."""
    bare = re.sub(r"^[\s>#*_\-•]*(?:(?:\d{1,2}|[a-z])[.)]\s*)?", "", line, flags=re.IGNORECASE)
    bare = re.sub(r"^(?:skill|criterion|item)(?:\s+\d+)?\s*[:\-–—]?\s+", "", bare, flags=re.IGNORECASE)
    for label in sorted(labels, key=len, reverse=True):
        found = re.match(rf"[*_`\"'\[(]*{re.escape(label)}[*_`\"'\])]*(?=$|[\s:=|(–—,-]|->)", bare, re.IGNORECASE)
        if found:
            return labels[label], re.sub(r"^\s*\((?!\s*[01])[^)]*\)", "", bare[found.end() :])
    return None, line


def _mark_at_start(rest: str) -> bool | None:
    if earned := _EARNED.search(rest):
        return _begins_with_mark(earned["rest"])
    return _begins_with_mark(_SEPARATOR.sub("", rest))


def _begins_with_mark(text: str) -> bool | None:
    found = _MARK.match(text.strip(_DECOR))
    return None if found is None else found["mark"].lower() in _YES
