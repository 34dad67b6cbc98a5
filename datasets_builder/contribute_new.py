"""``dskill new``: writes the form of a contribution, with a blank (____) for everything that a person must say."""

import json
import re
import unicodedata
from pathlib import Path
from typing import Literal

from datasets_builder.contribute_files import SUFFIX, show
from datasets_builder.contribute_forms import BASE, BLANK, CANARY, SIGNED
from datasets_builder.skillmix.catalogue import SHIPPED, CatalogueFile
from datasets_builder.skillmix.config import read_config
from datasets_builder.skillmix.errors import UsageError

Form = Literal["skill", "topic", "graded"]
FOLDERS: dict[Form, str] = {"skill": "skills", "topic": "topics", "graded": "graded"}

SKILL = """\
# Fill in every {blank}, then: dskill check {path}
name: {name}
slug: {slug}
category: "{blank} one of {categories}"
definition: "{blank} one or two sentences by which a reader can decide whether a text shows the skill"
examples:  # three or more, of one or two sentences each; none says the skill's name; one is a single sentence
  - "{blank} a text that shows it"
  - "{blank} another, on another subject"
  - "{blank} another, made in another way"
near_miss:
  text: "{blank} a text that looks like the skill and is not"
  reason: "{blank} why it is not"
reference: "{blank} https address of a page that explains the skill"
common: false  # true: it is in every other text anyway, as negation is
# confused_with:  # skills that are easily taken for it, by their slug, each with the difference
#   metaphor: "There one thing is called another; here ..."
source: "{blank} where the texts come from, such as: own words"
licence: CC-BY-4.0
signed_off_by: {signed}  # you may give this under the licence: https://developercertificate.org
"""
TOPIC = """\
# Fill in every {blank}, then: dskill check {path}
name: {name}
slug: {slug}
split: train  # or held-out: texts for training never have it
source: "{blank} where the idea comes from, such as: own words"
licence: CC-BY-4.0
signed_off_by: {signed}  # you may give this under the licence: https://developercertificate.org
"""


def write_form(form: Form, name: str, by: str | None, folder: Path) -> Path:
    """Writes the form into the folder of contributions.

    Args:
        form: What is contributed.
        name: The skill's or topic's name; of graded texts, what they are.
        by: "Name <mail or handle>"; a blank without one.
        folder: The folder of contributions, ``contrib``.

    Returns:
        The file.

    Raises:
        UsageError: The name has no letter for a slug, ``by`` is no sign-off, or the file exists.
    """
    slug = slug_of(name)
    if by is not None and not SIGNED.fullmatch(by):
        raise UsageError(f"--by {by!r}: must be like 'Ada Lovelace <ada@example.org>' or 'Ada Lovelace <@ada>'")
    path = folder / FOLDERS[form] / f"{slug}{SUFFIX[FOLDERS[form]]}"
    signed = by or f"{BLANK} Your Name <mail or @handle>"
    if form == "graded":
        content = _graded(signed)
    else:
        about = read_config(CatalogueFile, SHIPPED / BASE / "catalogue.yml")
        values = {"categories": ", ".join(about.categories)} | {
            "name": json.dumps(name, ensure_ascii=False),
            "signed": json.dumps(signed, ensure_ascii=False),
        }
        template = SKILL if form == "skill" else TOPIC
        content = template.format(blank=BLANK, path=path.as_posix(), slug=slug, **values)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(content)
    except FileExistsError:
        raise UsageError(f"{show(path)}: exists; edit it, or choose another name") from None
    return path


def slug_of(name: str) -> str:
    """``folk physics (everyday)`` as ``folk-physics-everyday``."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:64].rstrip("-")
    if not re.match(r"[a-z]", slug):
        raise UsageError(f"{name!r}: a name begins with a letter of English")
    return slug


def _graded(signed: str) -> str:
    """The header line and one text, both to be filled in."""
    who = f"{BLANK} human, or the model's name"
    header = {"canary": CANARY, "catalogue": "full", "teacher": who, "grader": who, "licence": "CC-BY-4.0"}
    header |= {"source": f"{BLANK} where the texts come from", "signed_off_by": signed}
    text = {
        "id": "1",
        "text": f"{BLANK} the text",
        "skills": [f"{BLANK} the slug of a skill: dskill catalogue --split train"],
        "topic": f"{BLANK} the slug of a topic",
        "marks": {f"{BLANK} the skill": True, "topic": True, "sense": True, "length": True},
        "votes": [[True, True, True, True]],
        "full_marks": True,
    }
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in (header, text))
