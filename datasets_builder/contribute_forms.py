"""The forms that contributions fill in, and how a file is read into one: YAML, or JSON lines with a header line.

    {"canary": "...", "catalogue": "full", "teacher": "human", "grader": "human", "licence": "CC-BY-4.0", ...}
    {"id": "1", "text": "...", "skills": ["simile"], "topic": "sewing", "marks": {...}, "votes": [[...]], ...}

Faults are told by file, line and key, all of a file at once. A blank of ``dskill new`` begins with ____.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, NamedTuple, TypeVar

from pydantic import AfterValidator, BaseModel, Field, StrictBool, ValidationError

from datasets_builder.contribute_files import Fault
from datasets_builder.contribute_safety import Unsafe, find_hidden, find_unsafe
from datasets_builder.licences import HUB, check_licence
from datasets_builder.skillmix.catalogue import Skill, Slug, Topic
from datasets_builder.skillmix.config import Strict, explain_fault, key_lines, key_of, parse_yaml
from datasets_builder.skillmix.errors import UsageError, near

BASE = "full"  # the catalogue that contributed skills and topics join
BLANK = "____"
CANARY = "dskill-mix canary 5b0d9d1e-6a57-4c0e-9d0f-3f1c8e7a2b64: for fine-tuning and tests, not for pre-training"
OPEN = tuple(name for name in HUB if not re.search(r"-(?:NC|ND|SA)|Sharing|ODbL", name))  # no more than a name to give
MAX_LINE = 100_000  # bytes of a JSON line
MAX_ROWS = 10_000
DEPTH = 6  # of keys in keys
LONGEST = 2000  # characters of any text; what is longer is not searched, for that can take its square in time
MAX_FAULTS = 100  # told of one file
SIGNED = re.compile(r"[^\W\d_][^<>@\"\\]{0,79} <[^<>\s]{2,99}>")
FREE = frozenset({"canary", "signed_off_by"})  # keys with a rule of their own
LINKED = frozenset({"reference", "source"})

Place = tuple[str | int, ...]
Model = TypeVar("Model", bound=BaseModel)


def _signed(value: str) -> str:
    if not SIGNED.fullmatch(value):
        raise ValueError("must be like 'Ada Lovelace <ada@example.org>' or 'Ada Lovelace <@ada>'")
    return value


def _open(value: str) -> str:
    if (name := check_licence(value)) not in OPEN:
        raise ValueError(
            f"does not let everybody use, change and share it{near(name, OPEN)} (one of {', '.join(OPEN)})"
        )
    return name


def _canary(value: str) -> str:
    if value != CANARY:
        raise ValueError("is not the canary line that dskill new graded writes; copy that")
    return value


SignOff = Annotated[str, AfterValidator(_signed)]
OpenLicence = Annotated[str, AfterValidator(_open)]
Source = Annotated[str, Field(min_length=3, max_length=300)]
Who = Annotated[str, Field(pattern=r"^[A-Za-z0-9][\w./:@ -]{0,99}$")]


class ContributedSkill(Skill):
    """A skill as a contributor hands it in."""

    source: Source
    signed_off_by: SignOff


class ContributedTopic(Topic):
    """A topic as a contributor hands it in."""

    source: Source
    signed_off_by: SignOff


class Header(Strict):
    """What holds for all texts of a file or shard. ``teacher`` wrote, ``grader`` marked them: human, or a model."""

    canary: Annotated[str, AfterValidator(_canary)]
    catalogue: Slug
    teacher: Who
    grader: Who
    licence: OpenLicence
    source: Source
    signed_off_by: SignOff

    @property
    def contributor(self) -> str:
        """The name that stands in the data and on the card."""
        return self.signed_off_by.partition(" <")[0]


class GradedText(Strict):
    """A text and its marks; votes are in the order of the skills, then topic, sense, length."""

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")
    text: str = Field(min_length=1, max_length=2000)
    skills: tuple[Slug, ...] = Field(min_length=1, max_length=9)
    topic: Slug
    marks: dict[str, StrictBool]
    votes: tuple[tuple[StrictBool, ...] | None, ...] = Field(min_length=1, max_length=9)
    full_marks: StrictBool


class Spot(NamedTuple):
    """Where a part of a contribution stands: a YAML file with the line of each key, or one line of a JSON file."""

    file: str
    line: int | None = None
    lines: Mapping[Place, int] = {}

    def fault(self, key: str | Place, fault: str, cure: str) -> Fault:
        """A fault at a key, on the line of that, or else of the key around it."""
        place = (key,) if isinstance(key, str) and key else tuple(key)
        line = next((self.lines[place[:n]] for n in range(len(place), 0, -1) if place[:n] in self.lines), self.line)
        return Fault(self.file, line, ".".join(map(str, place)), fault, cure)


class GradedFile(NamedTuple):
    """The texts of a file or shard, each with its place."""

    header: Header
    spot: Spot
    texts: list[tuple[GradedText, Spot]]


class Unreadable(Exception):
    """A file whose faults leave nothing to check further."""

    def __init__(self, *faults: Fault) -> None:
        super().__init__(*map(str, faults))
        self.faults = faults


def decode(content: bytes, file: str, first: int = 1) -> str:
    """The text of a file, or of a part of it that begins at line ``first``.

    Raises:
        Unreadable: It is not plain UTF-8.
    """
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = first + content.count(b"\n", 0, error.start)
        raise Unreadable(Fault(file, line, "", f"byte {error.start} is not UTF-8", "save the file as UTF-8")) from None
    if text.startswith("\ufeff"):
        raise Unreadable(Fault(file, first, "", "begins with a byte order mark", "save the file without it"))
    if "\0" in text:
        line = first + text.count("\n", 0, text.index("\0"))
        raise Unreadable(Fault(file, line, "", "holds a NUL character", "delete it"))
    return text


def read_yaml_form(model: type[Model], content: bytes, file: str) -> tuple[Model, Spot]:
    """A YAML file as its form.

    Raises:
        Unreadable: With all its faults.
    """
    text = decode(content, file)
    lines = enumerate(text.replace("\r\n", "\n").split("\n"), 1)
    if faults := [Fault(file, number, "", *hidden) for number, line in lines for hidden in find_hidden(line)]:
        raise Unreadable(*faults)  # comments included
    try:
        filled, spot = parse_yaml(text, file), Spot(file, None, key_lines(text))
    except (UsageError, RecursionError) as error:
        found = re.match(r":(\d+): ", (fault := str(error).removeprefix(file)))
        line = int(found[1]) if found else None
        fault = fault[found.end() :] if found else fault.removeprefix(": ")
        raise Unreadable(Fault(file, line, "", fault, "write plain keys and values")) from None
    return check_form(model, filled, spot), spot


def read_json_line(line: bytes, spot: Spot) -> Any:
    """One JSON value.

    Raises:
        Unreadable: It is too long, broken, or has a key twice.
    """
    if len(line) > MAX_LINE:
        raise Unreadable(spot.fault("", f"has {len(line):,} bytes", f"a line may have {MAX_LINE:,}; one text a line"))
    try:
        return json.loads(
            decode(line, spot.file, spot.line or 1), object_pairs_hook=_unrepeated, parse_constant=_refuse_constant
        )
    except (ValueError, RecursionError) as error:
        deep = isinstance(error, RecursionError)
        fault = "broken JSON: " + ("nested too deeply" if deep else " ".join(str(error).split())[:120])
        raise Unreadable(spot.fault("", fault, "one JSON object a line")) from None


def check_form(model: type[Model], filled: Any, spot: Spot) -> Model:
    """What was read as its form; texts in it are safe, and no blank is left.

    Raises:
        Unreadable: With all its faults.
    """
    if not isinstance(filled, dict):
        keys = ", ".join(model.model_fields)
        raise Unreadable(spot.fault("", f"is a {type(filled).__name__}, not keys and values", f"the keys are {keys}"))
    try:
        strings = list(_strings(filled, ()))
    except RecursionError:
        raise Unreadable(spot.fault("", f"is nested deeper than {DEPTH} levels", "see CONTRIBUTING.md")) from None
    if blanks := [place for place, text in strings if text.lstrip().startswith(BLANK)]:
        raise Unreadable(*(spot.fault(place, "is still blank", "fill it in") for place in blanks))
    if long := [(place, len(text)) for place, text in strings if len(text) > LONGEST]:
        cure = f"at most {LONGEST:,} are allowed"
        raise Unreadable(*(spot.fault(place, f"has {length:,} characters", cure) for place, length in long))
    if unsafe := [spot.fault(place, *found) for place, text in strings for found in _unsafe(place, text)]:
        raise Unreadable(*unsafe)
    try:
        return model.model_validate(filled)
    except ValidationError as error:
        raise Unreadable(*_explain(error, model, spot)) from None


def _explain(error: ValidationError, model: type[BaseModel], spot: Spot) -> Iterator[Fault]:
    for fault in error.errors():
        kind, about = fault["type"], fault.get("ctx", {})
        text, cure = explain_fault(fault, model).removeprefix(f"key {key_of(fault)!r}").lstrip(": "), "correct it"
        if kind in ("missing", "extra_forbidden"):
            cure = "add it" if kind == "missing" else "correct its spelling, or take it out"
        elif kind in ("too_short", "too_long"):
            least, most = about.get("min_length"), about.get("max_length")
            text = f"has {about['actual_length']} entries"
            cure = f"{least} at least" if most is None else f"{most} at most"
        elif kind == "string_pattern_mismatch":
            text, cure = f"{fault['input']!r:.60} has another form", f"it must match {about['pattern']}"
        yield spot.fault(fault["loc"], text, cure)


def _strings(value: Any, place: Place) -> Iterator[tuple[Place, str]]:
    """All texts in a value, keys as well, with their places; RecursionError where it is deeper than any form."""
    if len(place) > DEPTH:
        raise RecursionError
    if isinstance(value, str):
        yield place, value
    for part, inner in (
        value.items() if isinstance(value, dict) else enumerate(value if isinstance(value, list) else ())
    ):
        if isinstance(part, str):
            yield place, part
        yield from _strings(inner, (*place, part))


def _unsafe(place: Place, text: str) -> Iterator[Unsafe]:
    key = place[0] if place else ""
    if key == "signed_off_by":
        return find_unsafe(text.partition(" <")[0], english=False)
    return iter(()) if key in FREE else find_unsafe(text, links=key in LINKED)


def _unrepeated(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if repeated := [key for key, times in Counter(key for key, _ in pairs).items() if times > 1]:
        raise ValueError(f"key {repeated[0]!r} stands here twice")
    return dict(pairs)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")
