"""Whether two runs may stand beside each other: asked for the same texts, by the same prompts, marked the same way."""

from collections.abc import Collection, Iterator
from typing import Literal, NamedTuple, get_args

from datasets_builder.skillmix.errors import UsageError, near
from eval_harness.results import CellResult, EvalRun, Provenance

Setting = Literal[
    "catalogue_hash",
    "prompts",
    "grader",
    "votes",
    "revise",
    "name_deduction",
    "temperature",
    "limit",
    "generations",
    "combinations",
]


class _Mismatch(NamedTuple):
    setting: Setting
    values: str


def match_runs(a: EvalRun, b: EvalRun, names: tuple[str, str], allow: Collection[str] = ()) -> tuple[str, ...]:
    """What differs between two runs and is allowed to, with both values.

    Args:
        names: Of the runs, for the message: label and file.
        allow: Values of ``Setting``.

    Raises:
        UsageError: Anything else differs, or ``allow`` names no setting.
    """
    known = get_args(Setting)
    if unknown := next((name for name in allow if name not in known), None):
        raise UsageError(f"--allow {unknown}: no such setting{near(unknown, known)} (settings: {', '.join(known)})")
    found = [*_settings(a, b), *_draws(a, b)]
    if bad := [mismatch for mismatch in found if mismatch.setting not in allow]:
        listed = "; ".join(f"{mismatch.setting} {mismatch.values}" for mismatch in bad)
        flag = ",".join(mismatch.setting for mismatch in bad)
        raise UsageError(
            f"{names[0]} and {names[1]} do not match: {listed}; evaluate both by one suite, or add --allow {flag}"
        )
    return tuple(f"{mismatch.setting} {mismatch.values}" for mismatch in found)


def common_cells(a: EvalRun, b: EvalRun) -> list[tuple[CellResult, CellResult]]:
    """The cells that both runs have, in the order of the first."""
    return [(cell, other) for cell in a.cells if (other := b.cell(cell.split, cell.k))]


def _settings(a: EvalRun, b: EvalRun) -> Iterator[_Mismatch]:
    for setting in get_args(Setting):
        if setting in Provenance.model_fields and setting != "generations":  # a cell may have more than planned
            one, other = (getattr(run.provenance, setting) for run in (a, b))
            if one != other:
                yield _Mismatch(setting, f"{one!r} and {other!r}")


def _draws(a: EvalRun, b: EvalRun) -> Iterator[_Mismatch]:
    """Cells that have other combinations, or another number of texts of each; one mismatch for all of them."""
    cells = common_cells(a, b)
    if other := [(one, two) for one, two in cells if one.generations != two.generations]:
        one, two = other[0]
        yield _Mismatch("generations", f"{one.generations} and {two.generations} ({_where(other, cells)})")
    asked = [({row.combination for row in one.rows}, {row.combination for row in two.rows}) for one, two in cells]
    if other := [pair for pair, (x, y) in zip(cells, asked, strict=True) if x != y]:
        x, y = asked[cells.index(other[0])]
        yield _Mismatch(
            "combinations", f"({len(x)} and {len(y)}, {len(x & y)} of them in both, {_where(other, cells)})"
        )


def _where(some: list[tuple[CellResult, CellResult]], cells: list[tuple[CellResult, CellResult]]) -> str:
    return f"in {len(some)} of {len(cells)} cells, such as {some[0][0].split} k = {some[0][0].k}"
