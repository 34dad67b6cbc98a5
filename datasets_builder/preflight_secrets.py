"""What must not be published: keys, tokens, the environment's own secrets, paths of a machine, hidden characters."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from datasets_builder.model_names import own_secrets

# no look-around: pyarrow searches columns with RE2, which has none
KEYS = {
    "a Hub token": r"\bhf_(?:jwt_|oauth_)?[A-Za-z0-9._-]{20,}",
    "an API key": r"\bsk-[A-Za-z0-9_-]{20,}",
    "an AWS key": r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",
    "a Google key": r"\bAIza[0-9A-Za-z_-]{35}",
    "a GitHub token": r"\b(?:gh[pousr]_[A-Za-z0-9]{30,}|github_pat_[A-Za-z0-9_]{30,})",
    "a GitLab token": r"\bglpat-[A-Za-z0-9_-]{20,}",
    "a Slack token": r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}",
    "a private key": r"-----BEGIN [A-Z ]*PRIVATE KEY-----",
    "a signed token": r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.",
    "a password in an address": r"\b[a-z][a-z0-9+.-]*://[^/\s:@]+:[^/\s:@]{3,}@",
}
PATHS = {
    "a path of a machine": r"(?:^|[^\w.:/-])(?:file:/|/(?:home|Users|root|tmp|mnt|opt|srv|var|workspace)/[\w.-]+)",
    "a Windows path": r"(?:^|[^\w])[A-Za-z]:\\{1,2}(?:Users|Documents|Temp|Windows)\b",
}
HIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]")
READ = (".md", ".yml", ".yaml", ".jinja")  # by people; a tokenizer's vocabulary holds hidden characters by right
FREE = ("text", "messages", "reply_generate", "reply_revise", "reply_grade")  # columns whose stories may name a path


class Rules(NamedTuple):
    """What to look for: kind -> expression."""

    keys: dict[str, str]
    paths: dict[str, str]

    def find(self, text: str) -> Iterator[tuple[str, int]]:
        """Kinds that stand in a text, each with the place of the first."""
        for kind, rule in (self.keys | self.paths).items():
            if found := re.search(rule, text):
                yield kind, found.end() - 1


def load_rules() -> Rules:
    """The patterns, and the values that this environment itself keeps secret."""
    return Rules(KEYS | {f"the value of {name}": re.escape(value) for name, value in own_secrets().items()}, PATHS)


def check_text(path: Path, name: str, rules: Rules) -> Iterator[str]:
    """Faults of a text file, by line; what was found is not repeated."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        yield f"{name}: is not UTF-8 at byte {error.start}; save it as UTF-8"
        return
    for kind, place in rules.find(text):
        yield f"{name}:{_line(text, place)}: holds {kind}; take it out, and if it is a key that works, revoke it"
    hidden = HIDDEN.search(text) if path.suffix in READ else None
    if hidden:
        yield f"{name}:{_line(text, hidden.start())}: holds the hidden character U+{ord(hidden[0]):04X}; take it out"


def check_columns(path: Path, name: str, rules: Rules) -> Iterator[str]:
    """Faults of a Parquet file, by column and row: the first of each column."""
    file, seen, first = pq.ParquetFile(path), set(), 0
    for batch in file.iter_batches():
        for column in batch.schema.names:
            wanted = rules.keys if column in FREE else rules.keys | rules.paths
            if column not in seen and _any(batch[column], "|".join(wanted.values())):
                seen.add(column)
                row, kind = _place(batch[column], wanted)
                yield f"{name}: column {column}, row {first + row}: holds {kind}; take the row out and build again"
        first += len(batch)


def _line(text: str, place: int) -> int:
    return text.count("\n", 0, place) + 1


def _any(column: pa.Array, pattern: str) -> bool:
    """Whether any text in a column, at any depth, matches."""
    if pa.types.is_struct(column.type):
        return any(_any(field, pattern) for field in column.flatten())
    if pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
        return _any(column.flatten(), pattern)
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        return False
    return bool(pc.any(pc.match_substring_regex(column, pattern)).as_py())


def _place(column: pa.Array, wanted: dict[str, str]) -> tuple[int, str]:
    """The first row with a match, and its kind."""
    for row, value in enumerate(column):
        for kind, rule in wanted.items():
            if _any(pa.array([value.as_py()], column.type), rule):
                return row, kind
    raise AssertionError("the column matched as a whole")
