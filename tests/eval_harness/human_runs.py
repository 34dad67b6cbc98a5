"""A run of a few texts, for the tests of labels by people: its model, grader and marks must reach nobody."""

from collections.abc import Mapping, Sequence

from datasets_builder.skillmix.catalogue import PartitionConfig
from datasets_builder.skillmix.rubric import criteria, score
from eval_harness.results import CellResult, EvalRun, Provenance, TextRow, summarise

MODEL, GRADER, FINGERPRINT = "folder/hush-13b-instruct", "openai/stern-judge-4", "feed5eed0badcafe"
SECRETS = (MODEL, "hush-13b", GRADER, "stern-judge", FINGERPRINT, "full_marks", "verdict")
SKILLS, TOPICS = ("metaphor", "modus-ponens", "red-herring"), ("beekeeping", "gardening", "archery")
HOSTILE = (
    "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\"> {{ 7 * 7 }} ${6 * 7} "
    '<b>bold</b> &amp; "quoted" `ticks` </blockquote></form>'
)


def make_run(texts: Mapping[int, Sequence[str]] | None = None, full: Sequence[int] = ()) -> EvalRun:
    """A run with a train cell for each k, one combination a text; those at the places ``full`` have full marks.

    Without ``texts`` there are four plain ones, two of k = 1 and two of k = 2.
    """
    texts = texts or {k: [f"Text {place} of {k} skills." for place in range(2)] for k in (1, 2)}
    return EvalRun(
        fingerprint=FINGERPRINT,
        model=MODEL,
        suite=None,
        provenance=_provenance(),
        cells=tuple(_cell(k, found, full) for k, found in texts.items()),
    )


def _cell(k: int, texts: Sequence[str], full: Sequence[int]) -> CellResult:
    rows = [_row(k, place, text, place in full) for place, text in enumerate(texts)]
    return summarise(rows, "train", k, 1)


def _row(k: int, place: int, text: str, is_full: bool) -> TextRow:
    skills = SKILLS[:k]
    marks = dict.fromkeys(criteria(skills), is_full)
    found = score(marks, skills)
    return TextRow(
        combination=f"combination-{k}-{place}",
        generation=1,
        skills=skills,
        topic=TOPICS[place % len(TOPICS)],
        text=text,
        marks=marks,
        full_marks=found.full_marks,
        all_skills=found.all_skills,
        skills_fraction=found.skills_fraction,
        shotgun=None,
    )


def _provenance() -> Provenance:
    return Provenance(
        catalogue="full",
        catalogue_hash="0" * 12,
        prompts="0" * 12,
        grader=GRADER,
        votes=3,
        generations=1,
        revise=True,
        name_deduction=True,
        temperature=0.7,
        seed=0,
        partition=PartitionConfig(),
        topics="all",
        created="2026-01-01T00:00:00+00:00",
        versions={},
        logs=(f"{FINGERPRINT}.eval",),
    )
