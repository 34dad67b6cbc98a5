"""What a study shows and what it does not, in sentences made from its numbers: no result is written down here.

Example: "Train skills: (1,2,3) has more full marks than the base at k = 2 (+38 points), 3 (+46), 4 (+15)."
A difference is called one only where its paired 95 % interval leaves out zero.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Protocol, get_args

from cards.summary import Arm, Comparison, Summary
from cards.templating import percent, points
from datasets_builder.skillmix.catalogue import Side, Split

SIDES: dict[Split, str] = {"train": "train skills", "held-out": "held-out skills", "all": "all skills"}


def shows(summary: Summary) -> list[str]:
    """Sentences on gains over the base and over SFT(1), on larger k, on the order of the arms, on shotgun."""
    found: list[str] = []
    sides: tuple[Split, ...] = get_args(Side)
    for side in sides:
        for arm in summary.composed:
            found += [_gain(summary, arm, against, side) for against in (summary.base, summary.control) if against]
    found += [line for arm in summary.composed if (line := _larger_k(summary, arm))]
    found += [line for side in sides if (line := _order(summary, side))]
    return [line for line in [*found, _shotgun(summary)] if line]


def does_not_show(summary: Summary) -> list[str]:
    """The limits: those every study of this design has, and with ``miniature`` those of the scripted world."""
    lines = [_control_share(summary), _held_out_meaning(summary), *(_MINIATURE if summary.miniature else ()), *_ALWAYS]
    if unscored := sum(cell.unscored for cell in summary.cells):
        lines.append(f"Unscored texts: {unscored:,} texts had no readable verdict; they are left out of every share.")
    return [line for line in lines if line]


def control_shares(summary: Summary) -> list[tuple[str, int, float]]:
    """(arm, k, share): how much of a composed arm's held-out gain over the base SFT(1) reaches alone, for k >= 2.

    share = (full marks of SFT(1) - base) / (full marks of the arm - base); only where the arm's gain is clear. It
    exceeds 1 where SFT(1) gains more than the arm.
    """
    if not summary.base or not summary.control:
        return []
    shares = []
    for arm in summary.composed:
        for k in (k for k in summary.ks if k > 1):
            total, alone = _held_out_gain(summary, arm, k), _held_out_gain(summary, summary.control, k)
            if total is not None and alone is not None and total.low > 0:
                shares.append((arm.name, k, alone.difference / total.difference))
    return shares


class Differs(Protocol):
    """A difference of full marks at one k, as a fraction."""

    @property
    def k(self) -> int: ...
    @property
    def difference(self) -> float: ...


def tell_ks(found: Sequence[Differs]) -> str:
    """Where two models differ: "k = 2 (+38 points), 3 (+46) and 4 (+15)"."""
    first, *rest = (f"{c.k} ({points(c.difference)})" for c in found)
    return f"k = {listed([first.replace(')', ' points)'), *rest])}"


def tell_shotgun(cells: Iterable[tuple[float | None, str, Split, int]]) -> str:
    """One sentence on (shotgun, name, split, k) of every cell; "" where the control was not run."""
    found = [(share, name, split, k) for share, name, split, k in cells if share is not None and k > 1]
    if not found:
        return ""
    worst, name, split, k = max(found, key=lambda cell: cell[0])
    return (
        "Texts answer their own request: graded against another request of the same k and topic, they get full "
        f"marks in at most {percent(worst)} % of cases at k >= 2 ({name}, {SIDES[split]}, k = {k})."
    )


_MINIATURE = (
    "It is a miniature: a tiny model in a scripted world whose texts are written and graded by programs. It is no "
    "evidence about models of 7 to 13 billion parameters, and it is not a reproduction of the paper's numbers.",
    "Larger k is not unseen k: headings in the pre-training text ask for up to 5 skills, part of them honoured. "
    '"Larger than in fine-tuning" is all that can be said.',
    "The texts are grammatical and semantically thin: they show that devices are combined, not that there is something "
    "to say.",
)
_ALWAYS = (
    "The intervals treat texts as independent. Requests share skills and topics, and another seed or another split of "
    "the skills may move the numbers by more than the intervals do; p values are not corrected for the number of "
    "comparisons.",
    "Arms are compared within this study only: the same base, the same split, the same requests.",
)


def listed(words: Sequence[str]) -> str:
    """Words as a sentence lists them: "2, 3 and 4"."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _named(arm: Arm) -> str:
    return arm.name if arm.ks else f"the {arm.name}" if arm.name == "base" else f"the base ({arm.name})"


def _gain(summary: Summary, arm: Arm, against: Arm, side: Split) -> str:
    """Where ``arm`` is clearly above ``against``, where below, where it cannot be told; "" without figures."""
    found = [c for k in summary.ks if (c := summary.comparison(arm.name, against.name, side, k))]
    if not found:
        return ""
    head, other = SIDES[side].capitalize(), _named(against)
    above, below = [c for c in found if c.low > 0], [c for c in found if c.high < 0]
    ways = (("more", above), ("fewer", below))
    tied = [str(c.k) for c in found if not c.clear]
    parts = [f"{arm.name} has {word} full marks than {other} at {tell_ks(some)}" for word, some in ways if some]
    if not parts:
        return f"{head}: {arm.name} and {other} are not told apart at any k ({listed(tied)})."
    rest = f"; at k = {listed(tied)} the two are not told apart" if tied else ""
    return f"{head}: {', and '.join(parts)}{rest}."


def _larger_k(summary: Summary, arm: Arm) -> str:
    """Train skills at the k beyond the arm's fine-tuning data."""
    if not (base := summary.base):
        return ""
    ks = [k for k in summary.ks if k > arm.largest and summary.comparison(arm.name, base.name, "train", k)]
    reached, tied = [], []
    for k in ks:
        mine, its = summary.cell(arm.name, "train", k), summary.cell(base.name, "train", k)
        difference = summary.comparison(arm.name, base.name, "train", k)
        if mine and its and difference and difference.low > 0:
            reached.append(f"{percent(mine.full_marks)} % at k = {k} (base {percent(its.full_marks)} %)")
        else:
            tied.append(str(k))
    parts = [f"reaches {listed(reached)}"] if reached else []
    parts += [f"is not clearly above the base at k = {listed(tied)}"] if tied else []
    head = f"Beyond its fine-tuning data (k up to {arm.largest}), on train skills, {arm.name}"
    return f"{head} {', and '.join(parts)}." if parts else ""


def _order(summary: Summary, side: Split) -> str:
    """Whether more composition in the data means more full marks, arm by arm, where the comparisons were made."""
    ladder = [arm for arm in (summary.base, summary.control, *summary.composed) if arm]
    held, tested = [], []
    for k in (k for k in summary.ks if k > 1):
        cells = [summary.cell(arm.name, side, k) for arm in ladder]
        shares = [cell.full_marks for cell in cells if cell]
        if len(shares) == len(ladder) > 2:
            tested.append(str(k))
            held += [str(k)] if all(a < b for a, b in pairwise(shares)) else []
    if not tested:
        return ""
    names = " < ".join(arm.name for arm in ladder)
    where = f"at k = {listed(held)} of {listed(tested)}" if held else f"at no k (of {listed(tested)})"
    return f"{SIDES[side].capitalize()}: the order {names} holds {where}, by the point values alone."


def _shotgun(summary: Summary) -> str:
    return tell_shotgun((cell.shotgun, cell.arm, cell.split, cell.k) for cell in summary.cells)


def _held_out_gain(summary: Summary, arm: Arm, k: int) -> Comparison | None:
    return summary.comparison(arm.name, summary.base.name, "held-out", k) if summary.base else None


def _control_share(summary: Summary) -> str:
    """The caveat that keeps a held-out gain from being credited to composed data alone."""
    if not summary.base or not summary.control or not summary.composed:
        return "No arm was fine-tuned on single skills only, so no gain here can be credited to composed data."
    head = (
        "A held-out gain over the base is not the effect of composed data alone: SFT(1), whose fine-tuning requests "
        "name one skill each,"
    )
    shares = [
        f"{percent(max(0.0, share))} % of the gain of {arm} at k = {k}" for arm, k, share in control_shares(summary)
    ]
    if not shares:
        return f"{head} stands beside the base for that reason; no composed arm has a clear held-out gain here."
    return f"{head} reaches {listed(shares)}. {' '.join(_over_control(summary))}"


def _over_control(summary: Summary) -> Iterator[str]:
    control = summary.control.name if summary.control else ""
    larger = [k for k in summary.ks if k > 1]
    for arm in summary.composed:
        found = [c for k in larger if (c := summary.comparison(arm.name, control, "held-out", k))]
        if found and not any(c.low > 0 for c in found):
            yield f"{arm.name} is not clearly above SFT(1) on held-out skills at any k >= 2."


def _held_out_meaning(summary: Summary) -> str:
    head = '"Held-out" means: not requested in fine-tuning. The skills are not new to the model;'
    if not summary.miniature:
        return f"{head} it met them in pre-training."
    return (
        f"{head} it saw texts with these skills, and requests for them, in pre-training. Texts of the fine-tuning data "
        "may show such a skill without naming it, those of SFT(1) included."
    )
