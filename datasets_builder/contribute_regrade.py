"""Grades contributed texts anew: all of them by a program where there is one, a random sample by a model on request."""

import asyncio
import hashlib
import random
from collections.abc import Iterator, Sequence
from typing import Any

from datasets_builder.contribute_files import Fault
from datasets_builder.contribute_forms import GradedFile, GradedText, Spot
from datasets_builder.skillmix.catalogue import Catalogue
from datasets_builder.skillmix.combinations import Combination
from datasets_builder.skillmix.errors import OutsideError, UsageError, near
from datasets_builder.skillmix.prompts import PromptSet, load_prompts
from datasets_builder.skillmix.rubric import score
from datasets_builder.skillmix.verifiers import GRADERS, load_grader

SAMPLE = 20  # texts that a model grades
AGREEMENT = (
    0.75  # of its verdicts, full marks or not, that must be the contributor's; two good graders agree on 0.8 to 0.9
)

Texts = Sequence[tuple[GradedText, Spot]]


def grade_anew(graded: GradedFile, catalogue: Catalogue, grader: str | None) -> tuple[list[Fault], str]:
    """Faults of the marks, and one line on what was done.

    Args:
        graded: Texts whose marks are in order.
        catalogue: Theirs.
        grader: A program's name or an Inspect model name; the catalogue's own program by default.

    Raises:
        UsageError: There is no such grader, or it does not know this catalogue.
        OutsideError: The model cannot be asked.
    """
    name = grader or catalogue.about.grader
    where = graded.spot.file
    if name is None:
        return (
            [],
            f"{where}: not graded anew: {catalogue.about.name} has no program that grades; --grader MODEL names one",
        )
    if name in GRADERS:
        if catalogue.about.grader != name:
            raise UsageError(f"--grader {name}: it grades its own catalogue only, not {catalogue.about.name!r}")
        faults = list(_by_program(graded.texts, name))
        return faults, f"{where}: {len(graded.texts)} texts graded anew by the program {name}"
    if "/" not in name:
        raise UsageError(f"--grader {name!r}: no program{near(name, GRADERS)}, and no model name such as openai/gpt-5")
    return _by_model(graded, catalogue, name)


def _by_program(texts: Texts, name: str) -> Iterator[Fault]:
    """Every mark that a program, which makes no mistakes, would not give."""
    grade = load_grader(name)
    for text, spot in texts:
        given = grade(text.text, Combination(text.skills, text.topic))
        if wrong := [key for key, mark in given.items() if mark != text.marks[key]]:
            said = ", ".join(f"{key} {str(given[key]).lower()}" for key in wrong)
            yield spot.fault(("marks", wrong[0]), f"the program {name} marks {said}", "mark it so, or mend the text")


def _by_model(graded: GradedFile, catalogue: Catalogue, name: str) -> tuple[list[Fault], str]:
    sample = draw_sample(graded.texts)
    prompts = load_prompts(catalogue.about.prompts, catalogue)
    verdicts = asyncio.run(_ask(name, prompts, [text for text, _ in sample]))
    read = [(spot, text, v) for (text, spot), v in zip(sample, verdicts, strict=True) if v is not None]
    where, other = graded.spot, [spot.line for spot, text, verdict in read if verdict != text.full_marks]
    note = f"{where.file}: {len(read)} of {len(graded.texts)} texts graded anew by {name}, {len(other)} verdicts differ"
    if not read:
        return [where.fault("", f"{name} left no verdict that can be read", "try another --grader")], note
    if 1 - len(other) / len(read) < AGREEMENT:
        lines = ", ".join(map(str, other))
        fault = f"{name} gives {len(other)} of {len(read)} texts another verdict, on lines {lines}"
        return [where.fault("", fault, "look at their marks again")], note
    return [], note


def draw_sample(texts: Texts) -> Texts:
    """``SAMPLE`` texts by a seed made of all: the same file gives the same sample to its author and to the check."""
    content = "\n".join(text.text for text, _ in texts)
    seed = hashlib.sha256(content.encode()).hexdigest()
    chosen = random.Random(seed).sample(range(len(texts)), min(SAMPLE, len(texts)))
    return [texts[place] for place in sorted(chosen)]


async def _ask(name: str, prompts: PromptSet, texts: Sequence[GradedText]) -> list[bool | None]:
    """Whether the model gives each text full marks; None where its reply cannot be read."""
    from datasets_builder.models import InspectGraderConfig

    config = InspectGraderConfig(model=name)
    config.check()
    llm = config.llm(0)
    llm.load()

    async def ask(text: GradedText) -> bool | None:
        combination = Combination(text.skills, text.topic)
        prompt = {"role": "user", "content": prompts.grade(combination, text.text), "scope": f"check {text.id}"}
        answer: dict[str, Any] = await llm.agenerate([prompt])
        if answer["errors"][0]:
            raise OutsideError(f"--grader {name}: {answer['errors'][0]}")
        marks = prompts.read_vote(answer["generations"][0], combination)
        return None if marks is None else score(marks, text.skills).full_marks

    try:
        return await asyncio.gather(*(ask(text) for text in texts))
    finally:
        llm.unload()
