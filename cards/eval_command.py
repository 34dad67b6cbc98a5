"""``dskill report RUN``: reads the runs and what other verbs found out about them, and writes the report."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

from pydantic import TypeAdapter, ValidationError

from cards.eval_report import write_eval_report
from cards.eval_summary import summarise_runs
from datasets_builder.model_names import public_name
from datasets_builder.skillmix.errors import UsageError
from eval_harness.audit import Audit
from eval_harness.compare import Comparison
from eval_harness.compare_command import label_of, split_list
from eval_harness.judges_command import Agreed
from eval_harness.parrots import CorpusRates
from eval_harness.results import EvalRun, read_run

Content = TypeVar("Content")
COMPARISONS = TypeAdapter(tuple[Comparison, ...])


class Options(NamedTuple):
    """What the command line says; ``labels`` is a list by comma, ``corpus`` three numbers by comma."""

    labels: str | None = None
    baseline: str | None = None
    comparison: Path | None = None
    agreement: Path | None = None
    audits: Sequence[Path] = ()
    corpus: str | None = None
    bundle: bool = False


def report_runs(paths: Sequence[Path], out: Path | None, options: Options) -> Path:
    """Writes the report of these runs into ``out``, or beside the first of them; returns the page's path.

    Raises:
        UsageError: A run or file that cannot be read, or is not of these runs; labels that do not name them.
        OutsideError: The logs cannot be bundled.
    """
    runs = [read_run(path) for path in paths]
    labels = split_list(options.labels) or [label_of(path) for path in paths]
    agreed = _read(TypeAdapter(Agreed), options.agreement, "agree") if options.agreement else None
    audits = [_read(TypeAdapter(Audit), path, "audit") for path in options.audits]
    compared = _read(COMPARISONS, options.comparison, "compare") if options.comparison else ()
    _check_names({name for one in compared for name in (one.a, one.b)}, labels, options.comparison)
    models = [public_name(run.model) for run in runs]
    _check_names({one.texts for one in agreed.agreements} if agreed else (), models, options.agreement)
    for path, audit in zip(options.audits, audits, strict=True):
        _check_names([audit.texts], models, path)
    report = summarise_runs(
        runs,
        labels,
        baseline=options.baseline,
        comparisons=compared,
        agreements=agreed.agreements if agreed else (),
        preferences=agreed.preferences if agreed else (),
        audits=audits,
        corpus=_read_corpus(options.corpus) if options.corpus else None,
    )
    folder = out or _folder_of(paths[0]) / "report"
    bundles = _bundle(runs, [_folder_of(path) for path in paths], folder) if options.bundle else {}
    return write_eval_report(report, folder, bundles)


def _folder_of(path: Path) -> Path:
    return path if path.is_dir() else path.parent


def _read(kind: TypeAdapter[Content], path: Path, verb: str) -> Content:
    try:
        return kind.validate_json(path.read_bytes())
    except OSError:
        raise UsageError(f"{path}: no such file; dskill {verb} --json > {path.name} writes it") from None
    except ValidationError:
        raise UsageError(f"{path}: not what dskill {verb} --json prints; write it again with this version") from None


def _check_names(found: Iterable[str], known: Sequence[str], path: Path | None) -> None:
    """What other verbs found out must be about these runs."""
    if unknown := sorted(set(found) - set(known)):
        raise UsageError(f"{path}: is about {unknown[0]!r:.80}, but the runs here are {', '.join(known)}")


def _read_corpus(text: str) -> CorpusRates:
    parts = split_list(text)
    try:
        return CorpusRates.model_validate(dict(zip(CorpusRates.model_fields, parts, strict=True)))
    except ValueError:  # also pydantic's
        raise UsageError(
            f"--corpus {text!r:.60}: give the mean rate of a skill, that of a topic (0 to 1) and the number of texts, "
            "as 0.1,1e-6,5e9"
        ) from None


def _bundle(runs: Sequence[EvalRun], folders: Sequence[Path], out: Path) -> dict[str, str]:
    """The logs of every run that has some, with their viewer, under ``out``; their pages by fingerprint."""
    from eval_harness.log_bundle import bundle_logs, find_logs

    pages = {}
    for run, folder in zip(runs, folders, strict=True):
        if run.provenance.logs:
            place = f"logs/{run.fingerprint}"
            bundle_logs(find_logs(folder, run.provenance.logs), out / place, public_name(run.model))
            pages[run.fingerprint] = f"{place}/index.html"
    return pages
