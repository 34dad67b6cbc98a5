"""``dskill regrade``, ``agree`` and ``audit``: another grader's marks, and how far marks can be trusted."""

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from rich.console import Console

from datasets_builder.live import Live
from datasets_builder.meter import load_prices
from datasets_builder.resume import cache_of
from datasets_builder.skillmix.config import Strict
from eval_harness.access import CONNECTIONS, Access
from eval_harness.agreement import Agreement, Coefficient, agree_runs
from eval_harness.audit import Audit, Share, audit_run, find_reference
from eval_harness.preference import By, Preference, find_preference
from eval_harness.raters import KINDS, is_program
from eval_harness.regrade import plan_regrade, regrade_run
from eval_harness.results import EvalRun, read_run, results_path
from eval_harness.tables import bounds, say, show_table

LOWEST = 3  # skills that the text names, of those with the lowest agreement


class Options(NamedTuple):
    """What ``dskill regrade`` takes beside the run and the folder."""

    grader: str
    votes: int | None = None
    sample: int | None = None
    seed: int = 0
    base_url: str | None = None
    connections: int = CONNECTIONS
    budget_usd: float | None = None
    prices: Path | None = None


class Agreed(Strict):
    """What ``dskill agree --json`` prints."""

    agreements: tuple[Agreement, ...]
    preferences: tuple[Preference, ...]


def regrade(path: Path, out: Path, options: Options, console: Console) -> EvalRun:
    """Grades a run again, with its progress shown; the same command goes on where it was stopped.

    Raises:
        DskillError: As ``plan_regrade`` and ``regrade_run``.
        KeyboardInterrupt: SIGINT or SIGTERM came.
    """
    from eval_harness.show import describe, show_run

    name = options.grader
    grader = name if is_program(name) else Access(name, options.base_url, {}, options.connections)
    plan = plan_regrade(read_run(path), grader, options.votes, options.sample, options.seed)
    try:
        with Live(console, "regrade", describe) as live:
            run = regrade_run(plan, out, live, load_prices(options.prices), options.budget_usd)
    except KeyboardInterrupt:
        print(f"{cache_of(out)}: the votes so far; none of them is paid for again", file=sys.stderr)
        raise
    show_run(run, results_path(out, run.fingerprint), console)
    say(console, f"agree: dskill agree {path} {out}", f"audit: dskill audit {path} --reference {out}")
    return run


def agree(paths: Sequence[Path], labels: Path | None, console: Console, *, as_json: bool) -> Agreed:
    """Prints how far the graders of the same texts agree, and whether families favour their own.

    Raises:
        UsageError: As ``agree_runs``.
    """
    from eval_harness.human.labels import read_labels

    runs = [read_run(path) for path in paths]
    people = read_labels(labels) if labels else None
    by: tuple[By, ...] = ("student", "teacher")
    preferences = [found for one in by if (found := find_preference(runs, one))]
    agreed = Agreed(agreements=agree_runs(runs, _name(paths, runs), people), preferences=tuple(preferences))
    if as_json:
        print(agreed.model_dump_json(indent=1))
    else:
        show_agreements(agreed.agreements, console)
        for preference in preferences:
            show_preference(preference, console)
    return agreed


def audit(path: Path, reference: str, console: Console, *, as_json: bool) -> Audit:
    """Prints how often a run's grader is wrong, by the reference, and full marks once that is taken into account.

    Raises:
        UsageError: As ``find_reference`` and ``audit_run``.
    """
    run = read_run(path)
    found = audit_run(run, find_reference(reference, run))
    if as_json:
        print(found.model_dump_json(indent=1))
    else:
        show_audit(found, console)
    return found


def show_agreements(agreements: Sequence[Agreement], console: Console) -> None:
    """A table for each set of raters, the skills with the lowest agreement, and what the columns mean."""
    for key in dict.fromkeys((a.texts, a.between, a.raters) for a in agreements):
        texts, between, raters = key
        found = [a for a in agreements if (a.texts, a.between, a.raters) == key]
        who = f"{len(raters)} votes of {raters[0].rpartition(',')[0]}" if between == "votes" else " / ".join(raters)
        say(console, "", f"{who}, on texts of {texts}")
        rows = [
            (
                one.criterion,
                one.n,
                f"{one.prevalence:.1%}",
                f"{one.raw:.1%} {bounds(*one.intervals.get('raw', (None, None)))}",
                *([_coefficient(one, "cohen")] if between == "raters" and len(raters) == 2 else []),
                _coefficient(one, "fleiss"),
                _coefficient(one, "krippendorff"),
            )
            for one in found
            if one.criterion in KINDS
        ]
        cohen = ["Cohen"] if rows and len(rows[0]) == 7 else []
        show_table(console, ("criterion",), ("n", "awarded", "raw", *cohen, "Fleiss", "Krippendorff"), rows)
        skills = {a.criterion: (a.krippendorff, a.n) for a in found if a.criterion not in KINDS}
        lowest = sorted((alpha, name, n) for name, (alpha, n) in skills.items() if alpha is not None)[:LOWEST]
        if lowest:
            told = ", ".join(f"{name} {alpha:.2f} (n = {n})" for alpha, name, n in lowest)
            say(console, f"lowest by skill (Krippendorff): {told}")
    say(
        console,
        "",
        "raw: share of pairs of marks that are equal. Coefficients: 0 is chance, 1 is full agreement; they fall where "
        "nearly all marks are equal, so read them beside 'awarded'.",
        "95% intervals by a bootstrap over combinations. Marks are compared as given, full marks as they count.",
    )


def show_preference(preference: Preference, console: Console) -> None:
    """Full marks by family of author and grader, and what they show."""
    say(console, "", f"full marks by family of {preference.by} and of grader")
    rows = [
        (rate.author, rate.grader, rate.n, f"{rate.full_marks:.1%} {bounds(rate.low, rate.high)}")
        for rate in preference.rates
    ]
    show_table(console, (preference.by, "grader"), ("n", "full marks"), rows)
    say(console, *preference.findings)


def show_audit(audit: Audit, console: Console) -> None:
    """The errors by kind of criterion, full marks raw and corrected, and what the columns mean."""
    unscored = f"; {audit.unscored} texts that it left unscored stand nowhere" if audit.unscored else ""
    say(console, f"{audit.grader} against {audit.reference}, on texts of {audit.texts}{unscored}", "")
    rows = [
        (
            row.criterion,
            row.k or "all",
            row.n,
            f"{row.prevalence:.1%}",
            _rate(row.sensitivity, row.sensitivity_low, row.sensitivity_high),
            _rate(row.specificity, row.specificity_low, row.specificity_high),
            row.false_positives,
            row.false_negatives,
        )
        for row in audit.rows
    ]
    numbers = ("k", "n", "awarded", "sensitivity", "specificity", "false +", "false -")
    show_table(console, ("criterion",), numbers, rows)
    say(console, "", "full marks")
    estimates = [
        (e.k or "all", e.n_texts, e.n_reference, *map(_share, (e.raw, e.reference, e.ppi, e.rogan_gladen)))
        for e in audit.estimates
    ]
    show_table(console, ("k",), ("texts", "known", "raw", "reference", "PPI++", "Rogan-Gladen"), estimates)
    say(
        console,
        "",
        "sensitivity: of the marks that the reference awards, those that the grader awards; specificity: of those that "
        "it refuses, those that the grader refuses. false +: awarded by the grader alone.",
        "known: texts that the reference marked; it must be all, or drawn at random. PPI++ corrects the raw share by "
        "them and is the estimate to report beside it; 95% intervals by combination.",
    )


def _name(paths: Sequence[Path], runs: Sequence[EvalRun]) -> list[str]:
    """The graders' names, with the run's where one grader marked the same texts twice."""
    times = Counter((run.model, run.provenance.grader) for run in runs)
    return [
        run.provenance.grader + (f" ({path.name})" if times[run.model, run.provenance.grader] > 1 else "")
        for path, run in zip(paths, runs, strict=True)
    ]


def _coefficient(agreement: Agreement, name: Coefficient) -> str:
    value = {"cohen": agreement.cohen, "fleiss": agreement.fleiss, "krippendorff": agreement.krippendorff}[name]
    if value is None:
        return "-"
    interval = agreement.intervals.get(name)
    return f"{value:.2f}" + (f" [{interval[0]:.2f}, {interval[1]:.2f}]" if interval else "")


def _rate(value: float | None, low: float | None, high: float | None) -> str:
    return "-" if value is None else f"{value:.1%} {bounds(low, high)}"


def _share(share: Share | None) -> str:
    return "-" if share is None else _rate(share.value, share.low, share.high)
