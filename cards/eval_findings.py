"""What an evaluation shows and what it does not, in sentences made from its numbers: no result is written down here.

Example: "Held-out skills: tuned has more full marks than base at k = 2 (+25 points) and 3 (+16); at k = 4 tuned and
base are not told apart (a true difference of 6 points would show with 80 % power)." A difference is called one only
where its paired 95 % interval leaves out zero; what Holm's correction leaves of it is said beside it.
"""

from collections.abc import Iterator, Sequence

from cards.eval_summary import Column, Report, RunFigures
from cards.findings import SIDES, listed, tell_ks, tell_shotgun
from cards.plots import sides_of
from cards.templating import percent, points
from datasets_builder.model_names import family_of
from datasets_builder.skillmix.catalogue import Split
from datasets_builder.skillmix.verifiers import GRADERS
from eval_harness.audit import Audit
from eval_harness.compare import Comparison

ALPHA = 0.05
FEW = 10  # requests for a skill below which it is not called easy or hard
NAMED = 3  # skills or pairs in one sentence


def shows(report: Report) -> list[str]:
    """Sentences on the course over k, on differences, on skills that are hard or collide, on shotgun."""
    found = [_course(report, side) for side in sides_of(report.cells)]
    for comparison in report.comparisons:
        found += _differences(comparison)
    found += [_holm(report.comparisons), *(_hardest(column) for column in report.columns)]
    found += [_collisions(run) for run in report.runs]
    found += [_corrected(audit) for audit in report.audits]
    found.append(
        tell_shotgun(
            (cell.shotgun, run.label, cell.split, cell.k)
            for run in report.runs
            for cell in run.cells
            if cell.full_marks
        )
    )
    return [line for line in found if line]


def does_not_show(report: Report) -> list[str]:
    """The limits: those of every evaluation, and those that these runs have."""
    return [
        "The intervals cover the draw of requests alone: another split of the skills, other prompts, another training "
        "seed or another grader may move the numbers by more.",
        *dict.fromkeys(line for run in report.runs for line in _of_grader(report, run)),
        *(line for run in report.runs if (line := _rests_on(run))),
        *_of_maximum(report),
        *(f"{label} is not compared with {report.baseline}: {why}." for label, why in report.refused.items()),
        *_of_allowed(report.comparisons),
        *_of_texts(report),
        *(line for run in report.runs if (line := _of_source(run))),
    ]


def _course(report: Report, side: Split) -> str:
    """How full marks go with k on one side, run by run, and up to where success is clear."""
    told = []
    for run in report.runs:
        cells = sorted((cell for cell in run.cells if cell.split == side), key=lambda cell: cell.k)
        if cells:
            steps = listed(
                [f"{percent(cell.full_marks)} % at k = {cell.k}" for cell in cells[:: max(1, len(cells) - 1)]]
            )
            told.append(f"{run.label} has {steps}, {_clear(run.saturation[side])}")
    return f"{SIDES[side].capitalize()}, full marks: {'; '.join(told)}."


def _clear(k: int | None) -> str:
    return f"clear success up to k = {k}" if k else "clear success at no k"


def _differences(comparison: Comparison) -> Iterator[str]:
    """One sentence a side: where b is above a, where below, where the two are not told apart."""
    for side in sides_of(comparison.cells):
        cells = [cell for cell in comparison.cells if cell.split == side]
        more, fewer = [c for c in cells if c.low > 0], [c for c in cells if c.high < 0]
        what = cells[0].metric.replace("_max", ", best text of a combination").replace("_", " ")
        parts = [
            f"{comparison.b} has {word} {what} than {comparison.a} at {tell_ks(some)}"
            for word, some in (("more", more), ("less" if "fraction" in what else "fewer", fewer))
            if some
        ]
        if tied := [cell for cell in cells if cell.tied]:
            least = max(cell.detectable for cell in tied)
            parts.append(
                f"at k = {listed([str(cell.k) for cell in tied])} {comparison.b} and {comparison.a} are not told apart "
                f"(a true difference of {percent(least)} points would show with 80 % power)"
            )
        yield f"{SIDES[side].capitalize()}: {'; '.join(parts)}."


def _holm(comparisons: Sequence[Comparison]) -> str:
    cells = [cell for comparison in comparisons for cell in comparison.cells if cell.p_holm is not None]
    if len(cells) < 2:
        return ""
    clear = sum(not cell.tied for cell in cells)
    kept = sum(cell.p_holm is not None and cell.p_holm < ALPHA for cell in cells)
    return (
        f"Of {len(cells)} cells compared, {clear} have an interval without zero; {kept} keep p < {ALPHA} once Holm's "
        "correction for so many comparisons is made."
    )


def _hardest(column: Column) -> str:
    asked = sorted((rate for rate in column.skills if rate.asked >= FEW), key=lambda rate: (rate.rate, rate.skill))
    if len(asked) <= 2 * NAMED or asked[0].rate == asked[-1].rate:
        return ""
    low, high = (
        listed([f"{rate.skill} ({percent(rate.rate)} %)" for rate in some]) for some in (asked[:NAMED], asked[-NAMED:])
    )
    name = f"{column.label}, {SIDES['all']}" if "all" in column.splits else column.label
    return f"{name}: shown least often when asked for are {low}, most often {high}."


def _collisions(run: RunFigures) -> str:
    """Which pairs fall short of what their skills do elsewhere."""
    if not run.collisions:
        return ""
    named = [
        f"{pair.a} with {pair.b} (both in {percent(pair.both)} %, {percent(pair.expected)} % expected)"
        for pair in run.collisions[:NAMED]
    ]
    return (
        f"{run.label}: {len(run.collisions)} of {run.pairs} pairs of skills get in each other's way after Holm's "
        f"correction, first {listed(named)}."
    )


def _corrected(audit: Audit) -> str:
    return (
        f"{audit.texts}, graded by {audit.grader}: {percent(audit.full_marks_raw)} % full marks as graded, "
        f"{percent(audit.full_marks_corrected)} % ({percent(audit.low)} to {percent(audit.high)}) once its errors by "
        f"{audit.reference} are taken into account."
    )


def _of_grader(report: Report, run: RunFigures) -> Iterator[str]:
    """What is not known of the grader of a run."""
    grader, teacher = run.provenance.grader, run.provenance.teacher
    if grader in GRADERS:
        yield f"The grader, {grader}, is a program: it sees what its rules see, and no more."
        return
    if not any(audit.grader in (grader, run.label) for audit in report.audits):
        yield (
            f"How often the grader, {grader}, errs is not known here: no audit was given, and wrong marks that most "
            "votes share are in every figure."
        )
    if run.provenance.votes == 1:
        yield f"The grader, {grader}, voted once on each text, so its chance errors are not averaged out."
    for kin, role in ((run.model, "the model"), (teacher, "the teacher")):
        if kin and family_of(kin) == family_of(grader):
            yield f"The grader, {grader}, and {role} {kin} are of one family; graders may favour their family's texts."


def _rests_on(run: RunFigures) -> str:
    """Cells whose figure hangs on a few skills."""
    flagged = [spread for spread in run.spreads if spread.flagged and spread.change is not None]
    if not flagged:
        return ""
    worst = max(flagged, key=lambda spread: abs(spread.change or 0.0))
    return (
        f"{run.label}: in {len(flagged)} of {len(run.spreads)} cells the result depends on which skills were drawn "
        f"more than its interval says; most in {SIDES[worst.split]}, k = {worst.k}, where leaving out {worst.skill} "
        f"moves full marks by {points(worst.change or 0.0)} points."
    )


def _of_maximum(report: Report) -> Iterator[str]:
    several = [(run.label, cell) for run in report.runs for cell in run.cells if cell.generations > 1]
    if several:
        label, cell = max(several, key=lambda found: found[1].full_marks_max - found[1].full_marks)
        yield (
            "The best text of a combination, as the papers count, grows with the number of texts and with a lenient "
            f"grader: in {label}, {SIDES[cell.split]}, k = {cell.k}, the best of {cell.generations} makes "
            f"{percent(cell.full_marks_max)} % of {percent(cell.full_marks)} %. Compare it at equal numbers alone."
        )


def _of_allowed(comparisons: Sequence[Comparison]) -> Iterator[str]:
    for comparison in comparisons:
        if comparison.allowed:
            yield (
                f"{comparison.b} and {comparison.a} were compared although they differ in {listed(comparison.allowed)}."
            )


def _of_texts(report: Report) -> Iterator[str]:
    if unscored := sum(run.unscored for run in report.runs):
        yield (
            f"{unscored:,} of {report.texts:,} texts had no readable verdict; they are left out of every share, and "
            "are not a score of 0."
        )
    if any(run.provenance.catalogue == "miniature" for run in report.runs):
        yield (
            "The miniature is a scripted world of short sentences, graded by programs; its figures are no evidence "
            "about free writing and no reproduction of the paper's."
        )
    if report.published:
        yield "Published figures stand here for orientation; none was made with these skills, prompts or grader."


def _of_source(run: RunFigures) -> str:
    """What a run that is not ours, or is graded anew, must say."""
    how = {"regrade": "graded anew", "import": "imported"}.get(run.provenance.source)
    note = f": {run.provenance.note.rstrip('.')}" if run.provenance.note else ""
    return f"{run.label} was {how}{note}." if how else ""
