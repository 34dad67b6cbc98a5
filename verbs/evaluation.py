"""Verbs that score models and compare the scores."""

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from verbs.options import Out, Recipe, Seed

app = typer.Typer()


@app.command("eval")
def evaluate(
    recipe: Recipe,
    model: Annotated[
        str, typer.Option(help="An Inspect model name; folder/<path> for a local checkpoint.", show_default=False)
    ],
    out: Annotated[
        Path | None, typer.Option(help="The folder to write.  [required without --dry-run]", show_default=False)
    ] = None,
    grader: Annotated[
        str | None, typer.Option(help="An Inspect model name, where the suite's grader is 'model'.")
    ] = None,
    base_url: Annotated[str | None, typer.Option(help="The model's server.")] = None,
    grader_base_url: Annotated[str | None, typer.Option(help="The grader's server.")] = None,
    connections: Annotated[int, typer.Option(min=1, help="Requests in flight for each model.")] = 50,
    model_args: Annotated[
        list[str] | None, typer.Option("--model-arg", "-M", help="key=value, an argument of the model's provider.")
    ] = None,
    exclude: Annotated[Path | None, typer.Option(help="A dataset folder whose combinations must not be asked.")] = None,
    seed: Seed = None,
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many combinations a cell: a trial.")] = None,
    temperature: Annotated[float | None, typer.Option(min=0.0, help="Replaces the suite's.")] = None,
    max_tokens: Annotated[int | None, typer.Option(min=1, help="Replaces the suite's.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print calls, tokens and cost, and stop.")] = False,
    budget: Annotated[
        float | None, typer.Option(min=0.0, help="USD that it may cost; a higher one later continues.")
    ] = None,
    prices: Annotated[Path | None, typer.Option(help="Your own prices; see datasets_builder/prices.yml.")] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the results file's path and the scores as JSON.")
    ] = False,
) -> None:
    """Score a model by SKILL-MIX(k) on every cell of a suite. The same command again continues."""
    from rich.console import Console

    from eval_harness.command import Options, run_eval, show_estimate

    options = Options(
        model=model,
        grader=grader,
        base_url=base_url,
        grader_base_url=grader_base_url,
        connections=connections,
        model_args=model_args or (),
        exclude=exclude,
        seed=seed,
        limit=limit,
        temperature=temperature,
        max_tokens=max_tokens,
        budget_usd=budget,
        prices=prices,
    )
    if dry_run:
        show_estimate(recipe, options, Console())
    else:
        run_eval(recipe, out, options, Console(), as_json=as_json)


@app.command()
def plan(
    effect: Annotated[float | None, typer.Option(help="Full marks above the base to detect: 0.1 is 10 points.")] = None,
    n: Annotated[int | None, typer.Option(min=1, help="Or: combinations a cell, to learn what they detect.")] = None,
    base: Annotated[float, typer.Option(min=0.001, max=0.999, help="Full marks of the first model.")] = 0.05,
    power: Annotated[float, typer.Option(min=0.5, max=0.999, help="Chance to detect the effect.")] = 0.8,
    alpha: Annotated[float, typer.Option(min=1e-6, max=0.5, help="Chance to call equal models different.")] = 0.05,
    correlation: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="Of two texts on one combination: some are harder.")
    ] = 0.3,
    cells: Annotated[int, typer.Option(min=1, help="Cells, splits times k, that are compared at once.")] = 10,
    generations: Annotated[int, typer.Option(min=1, help="Texts a combination.")] = 3,
    votes: Annotated[int, typer.Option(min=1, help="Votes a text.")] = 3,
    revise: Annotated[bool, typer.Option(help="Two turns a text.")] = True,
    k: Annotated[int, typer.Option(min=1, max=12, help="Skills a text, for the costs.")] = 3,
    catalogue: Annotated[str, typer.Option(help="Whose prompts are priced.")] = "full",
    model: Annotated[str | None, typer.Option(help="An Inspect model name, for the costs.")] = None,
    grader: Annotated[str | None, typer.Option(help="An Inspect model name, for the costs.")] = None,
    prices: Annotated[Path | None, typer.Option(help="Your own prices; see datasets_builder/prices.yml.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """How many combinations a difference needs, or what difference so many detect; calls and costs."""
    from rich.console import Console

    from eval_harness.plan_command import Texts, run_plan
    from eval_harness.planning import Design

    design = Design(base=base, power=power, alpha=alpha, cells=cells, generations=generations, correlation=correlation)
    run_plan(effect, n, design, Texts(k, catalogue, votes, revise, model, grader, prices), as_json, Console())


@app.command()
def compare(
    runs: Annotated[
        list[Path],
        typer.Argument(help="Results files, or the folders that hold them; the first is the base.", show_default=False),
    ],
    labels: Annotated[str | None, typer.Option(help="Names of the runs, by comma.  [default: their folders']")] = None,
    metric: Annotated[
        Literal[
            "full_marks", "all_skills", "skills_fraction", "full_marks_max", "all_skills_max", "skills_fraction_max"
        ],
        typer.Option(help="The mean of a combination's texts, or by _max the best of them."),
    ] = "full_marks",
    allow: Annotated[
        str | None, typer.Option(help="Settings that may differ all the same, by comma: grader, votes, ...")
    ] = None,
    flips: Annotated[int, typer.Option(min=0, help="Texts that flipped to show, side by side, for each run.")] = 4,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, with all texts that flipped.")] = False,
) -> None:
    """Compare runs on the same combinations: differences, what is tied, and the texts that flipped."""
    from rich.console import Console

    from eval_harness.compare_command import Options, run_compare

    run_compare(runs, Options(labels, metric, allow, flips, as_json), Console())


@app.command()
def report(
    runs: Annotated[
        list[Path], typer.Argument(help="Results files, or the folders that hold them.", show_default=False)
    ],
    out: Annotated[
        Path | None, typer.Option(help="The folder to write.  [default: <first run>/report]", show_default=False)
    ] = None,
    labels: Annotated[str | None, typer.Option(help="Names of the runs, by comma.  [default: their folders']")] = None,
    baseline: Annotated[
        str | None, typer.Option(help="The label that the others are compared with.  [default: the first]")
    ] = None,
    compare: Annotated[
        Path | None, typer.Option(help="What dskill compare --json printed.  [default: full marks are compared]")
    ] = None,
    agree: Annotated[Path | None, typer.Option(help="What dskill agree --json printed.")] = None,
    audit: Annotated[list[Path] | None, typer.Option(help="What dskill audit --json printed; may be repeated.")] = None,
    corpus: Annotated[
        str | None,
        typer.Option(help="Rates of a skill and of a topic in the training texts and their number, as 0.1,1e-6,5e9."),
    ] = None,
    bundle: Annotated[bool, typer.Option("--bundle", help="Add the logs with their viewer, 11 MB a run.")] = False,
) -> None:
    """Write one page about one evaluation or several, with its Markdown and JSON twins."""
    from cards.eval_command import Options, report_runs

    print(report_runs(runs, out, Options(labels, baseline, compare, agree, audit or (), corpus, bundle)))


@app.command("import")
def import_records(
    records: Annotated[
        list[Path],
        typer.Argument(help="A folder of SKILL-MIX records, or a .jsonl or .parquet table.", show_default=False),
    ],
    out: Out,
    model: Annotated[str | None, typer.Option(help="Whose texts, where there are several; needed for a table.")] = None,
    grader: Annotated[str | None, typer.Option(help="Whose grades, where there are several.")] = None,
    catalogue: Annotated[str | None, typer.Option(help="Our catalogue that the skills and topics are of.")] = None,
    length: Annotated[
        Literal["counted", "recorded"], typer.Option(help="The length point: our sentence count, or the records'.")
    ] = "counted",
    name_deduction: Annotated[
        bool, typer.Option("--name-deduction", help="No skill points for a text that names one of its skills.")
    ] = False,
    drop_unreadable: Annotated[
        bool, typer.Option("--drop-unreadable", help="Points that do not fit make an unreadable vote, not an error.")
    ] = False,
) -> None:
    """Read graded texts of SKILL-MIX's reference code, or of another harness, and score them by our rubric."""
    from rich.console import Console

    from eval_harness.importing import Rules, import_run
    from eval_harness.results import write_run
    from eval_harness.show import PLAIN_WIDTH, result_table

    run = import_run(records, model, grader, catalogue, Rules(length, name_deduction), drop_unreadable)
    path, shown = write_run(run, out), sys.stdout.isatty()
    Console(width=None if shown else PLAIN_WIDTH).print(result_table(run, plain=not shown))
    print(f"note: {run.provenance.note}\n{path}")


@app.command()
def export(
    run: Annotated[Path, typer.Argument(help="A run's folder or results file.", show_default=False)],
    model_id: Annotated[str, typer.Option(help="The model's repository on the Hub.", show_default=False)],
    dataset_id: Annotated[str, typer.Option(help="The benchmark's dataset on the Hub.", show_default=False)],
    out: Out,
    judge: Annotated[
        str | None, typer.Option(help="The grader in the benchmark's eval.yaml.  [default: the run's, if a model]")
    ] = None,
    benchmark: Annotated[bool, typer.Option(help="Write the benchmark's dataset.")] = True,
    logs: Annotated[bool, typer.Option(help="Write the logs with their viewer, 11 MB and more.")] = True,
    logs_url: Annotated[str | None, typer.Option(help="Where the logs will be published.")] = None,
) -> None:
    """Write a run's results, benchmark and logs as files for the Hub. Nothing is sent."""
    from eval_harness.export import export_run

    done = export_run(run, model_id, dataset_id, out, judge, benchmark, logs, logs_url)
    print(f"{out}/model: results of {done.cells} cells for {model_id}")
    if done.rows is not None:
        print(f"{out}/benchmark: {done.rows} rows and eval.yaml for {dataset_id}")
    told = "left out" if done.log_bytes is None else f"{done.log_bytes / 1e6:.1f} MB, open index.html through a server"
    print(f"{out}/logs: {told}")
