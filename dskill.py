"""The command line: one verb, one function, one package called. Heavy imports happen inside the verb."""

import os
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

app = typer.Typer(
    help="Make, fine-tune on and measure DSKILL-MIX(k): texts that compose k language skills.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

INTERRUPTED = 130  # exit code after Ctrl-C or SIGTERM

Recipe = Annotated[Path, typer.Argument(help="The recipe, a YAML file of recipes/.", show_default=False)]
Out = Annotated[Path, typer.Option(help="The folder to write.", show_default=False)]
Seed = Annotated[int | None, typer.Option(help="Replaces the recipe's seed: other split, data and draws.")]


@app.command()
def study(
    recipe: Recipe,
    run_dir: Annotated[Path | None, typer.Option(help="Where the run lives.  [default: runs/<name>]")] = None,
    seed: Seed = None,
    axolotl: Annotated[
        Path | None, typer.Option(help="The axolotl program.  [default: .venv-train/bin/axolotl]")
    ] = None,
    train_command: Annotated[
        str | None, typer.Option(help="Hands training over: 'sbatch {launch}/slurm.sh {recipe} {output_dir} {seed}'.")
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for trainings that were handed over.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print commands, GPU hours and costs, and stop.")] = False,
) -> None:
    """Run a whole experiment: data, training, evaluation, report. The same command again continues."""
    from rich.console import Console

    from study.run import Options, run_studies, show_plan

    options = Options(run_dir, seed, axolotl, train_command, wait)
    if dry_run:
        show_plan(recipe, options, Console())
    else:
        run_studies(recipe, options, Console())


@app.command()
def build(
    recipe: Recipe,
    out: Annotated[
        Path | None, typer.Option(help="The folder to write.  [required without --dry-run]", show_default=False)
    ] = None,
    seed: Seed = None,
    runner: Annotated[
        Literal["stream", "stock", "ray"],
        typer.Option(help="stream: one process, row by row; stock: distilabel's own; ray: the same on Ray."),
    ] = "stream",
    limit: Annotated[int | None, typer.Option(min=1, help="Ask for so many texts only: a preview.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print calls, tokens and cost, and stop.")] = False,
    budget: Annotated[
        float | None, typer.Option(min=0.0, help="USD that the dataset may cost; a higher one later continues.")
    ] = None,
    prices: Annotated[Path | None, typer.Option(help="Your own prices; see datasets_builder/prices.yml.")] = None,
) -> None:
    """Make a dataset folder from a data recipe. The same command again continues, and pays for no answer twice."""
    from rich.console import Console

    from cards.dataset_card import make_dataset_card
    from datasets_builder.command import Options, run_build, show_estimate

    options = Options(seed=seed, runner=runner, limit=limit, budget_usd=budget, prices=prices)
    if dry_run:
        show_estimate(recipe, options, Console())
    else:
        run_build(
            recipe, out, options, lambda manifest, rows: make_dataset_card(manifest.model_dump(), rows), Console()
        )


@app.command()
def corpus(recipe: Recipe, out: Out, seed: Seed = None) -> None:
    """Make the miniature's pre-training text, tokenizer and untrained base model."""
    from datasets_builder.corpus import CorpusRecipe, build_corpus
    from datasets_builder.skillmix.config import read_config

    content = read_config(CorpusRecipe, recipe)
    rows = build_corpus(content if seed is None else content.model_copy(update={"seed": seed}), out)
    print(f"{out}: {', '.join(f'{config} {count}' for config, count in rows.items())} rows")


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
def annotate(
    run: Annotated[Path, typer.Argument(help="A results file, or the folder that holds it.", show_default=False)],
    n: Annotated[int, typer.Option(min=1, help="Texts to mark.")] = 100,
    seed: Annotated[int, typer.Option(help="Draws other texts.")] = 0,
    overlap: Annotated[float, typer.Option(min=0.0, max=1.0, help="Share of them that every annotator marks.")] = 0.25,
    out: Annotated[Path, typer.Option(help="Takes the labels, a parquet file for each annotator.")] = Path("labels"),
    annotator: Annotated[str | None, typer.Option(help="Begin at once under this name, without asking.")] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="Of 127.0.0.1.  [default: a free one]")] = None,
    space: Annotated[Path | None, typer.Option(help="Write the page as the folder of a Space, and stop.")] = None,
) -> None:
    """Open a page on which people mark texts blind. The same command again goes on."""
    from eval_harness.human.command import Options, open_page

    open_page(run, Options(out, n, seed, overlap, annotator, port, space))


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
def regrade(
    run: Annotated[Path, typer.Argument(help="A results file, or the folder that holds it.", show_default=False)],
    grader: Annotated[str, typer.Option(help="An Inspect model name, or a program: miniature.", show_default=False)],
    out: Out,
    votes: Annotated[int | None, typer.Option(min=1, help="On each text.  [default: 3 by a model]")] = None,
    sample: Annotated[int | None, typer.Option(min=1, help="Only so many combinations of each cell.")] = None,
    seed: Annotated[int, typer.Option(help="Draws other combinations for --sample.")] = 0,
    base_url: Annotated[str | None, typer.Option(help="The grader's server.")] = None,
    connections: Annotated[int, typer.Option(min=1, help="Requests in flight.")] = 50,
    budget: Annotated[
        float | None, typer.Option(min=0.0, help="USD that it may cost; a higher one later continues.")
    ] = None,
    prices: Annotated[Path | None, typer.Option(help="Your own prices; see datasets_builder/prices.yml.")] = None,
) -> None:
    """Have another grader mark a run's texts; the student is not asked again. The same command again continues."""
    from rich.console import Console

    from eval_harness.judges_command import Options
    from eval_harness.judges_command import regrade as grade_again

    options = Options(grader, votes, sample, seed, base_url, connections, budget, prices)
    grade_again(run, out, options, Console())


@app.command()
def agree(
    runs: Annotated[list[Path], typer.Argument(help="A run and its re-grades, of one student or several.")],
    labels: Annotated[Path | None, typer.Option(help="A folder of labels by people (dskill annotate).")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say how far votes, graders and people agree on the same texts, and whether a family favours its own."""
    from rich.console import Console

    from eval_harness.judges_command import agree as compare_raters

    compare_raters(runs, labels, Console(), as_json=as_json)


@app.command()
def audit(
    run: Annotated[Path, typer.Argument(help="A results file, or the folder that holds it.", show_default=False)],
    reference: Annotated[
        str,
        typer.Option(help="Who is right: a program (miniature), a folder of labels, a re-grade.", show_default=False),
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say how often a run's grader is wrong, and what full marks are once that is taken into account."""
    from rich.console import Console

    from eval_harness.judges_command import audit as hold_against

    hold_against(run, reference, Console(), as_json=as_json)


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


@app.command()
def card(
    folder: Annotated[Path, typer.Argument(help="A dataset's folder, or a model's.", show_default=False)],
    repository: Annotated[str | None, typer.Option(help="Its name on the Hub, org/name.")] = None,
    evidence: Annotated[
        list[Path] | None, typer.Option(help="Dataset: results of dskill eval to show; may be repeated.")
    ] = None,
    faults: Annotated[Path | None, typer.Option(help="Dataset: a file of known faults, one a line.")] = None,
    release: Annotated[str | None, typer.Option(help="Dataset: a version for the changelog, vX.Y.Z.")] = None,
    date: Annotated[str | None, typer.Option(help="Dataset: the day of that version, YYYY-MM-DD.")] = None,
    note: Annotated[str, typer.Option(help="Dataset: what that version changes.")] = "",
    previous: Annotated[Path | None, typer.Option(help="Dataset: the release before, to count rows against.")] = None,
    results: Annotated[
        list[Path] | None, typer.Option(help="Model: its results of dskill eval, then those of others to compare.")
    ] = None,
    dataset: Annotated[str | None, typer.Option(help="Model: what it was trained on, org/name@revision.")] = None,
    recipe: Annotated[Path | None, typer.Option(help="Model: its training recipe.")] = None,
    benchmark: Annotated[
        str | None, typer.Option(help="Model: the benchmark's dataset on the Hub; writes .eval_results as well.")
    ] = None,
    licence: Annotated[
        str | None, typer.Option(help="Model: its licence, an SPDX name or llama2, llama3.1, ...")
    ] = None,
) -> None:
    """Write the card of a dataset or a model, from its numbers. What is not given again stays."""
    from cards.card_command import Options, make_card

    written = make_card(
        folder,
        Options(
            repository=repository,
            evidence=evidence or (),
            faults=faults,
            release=release,
            date=date,
            note=note,
            previous=previous,
            results=results or (),
            dataset=dataset,
            recipe=recipe,
            benchmark=benchmark,
            licence=licence,
        ),
    )
    print(f"{folder}: {', '.join(written)}")


@app.command()
def publish(
    folder: Annotated[Path, typer.Argument(help="A dataset's folder, or a model's.", show_default=False)],
    name: Annotated[str, typer.Argument(help="The repository on the Hub: org/name.", show_default=False)],
    version: Annotated[
        str | None, typer.Option(help="The tag.  [default: the next, minor where data changed]", show_default=False)
    ] = None,
    private: Annotated[bool, typer.Option("--private", help="A repository that is made is not public.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show card, files and faults, and stop.")] = False,
) -> None:
    """Publish a folder on the Hub: pull request, compare, merge, tag. The same command again continues."""
    from datasets_builder.publish import publish as publish_folder
    from datasets_builder.publish import show_release

    if dry_run:
        show_release(folder, name, version=version)
    else:
        publish_folder(folder, name, version=version, private=private)


@app.command()
def catalogue(
    name: Annotated[str, typer.Argument(help="A shipped catalogue, or a catalogue's folder.")] = "full",
    split: Annotated[Literal["train", "held-out", "all"], typer.Option(help="Show one side only.")] = "all",
    partition: Annotated[
        Literal["category", "random", "categories"],
        typer.Option(help="The catalogue's own split, or another by a seed: of single skills, of whole categories."),
    ] = "category",
    train: Annotated[
        int | None, typer.Option(min=1, help="Train skills of another split.  [default: as many as in the own split]")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Names another split.  [default: 0]")] = None,
    common: Annotated[bool, typer.Option(help="With or without the skills that are in every other text.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, with definitions.")] = False,
) -> None:
    """Show a catalogue: its skills by side and category, and its topics."""
    import json
    import shutil

    from datasets_builder.skillmix.catalogue import PartitionConfig, load_catalogue
    from datasets_builder.skillmix.errors import UsageError
    from datasets_builder.skillmix.listing import dump_listing, list_catalogue, show_listing

    if partition == "category" and (train, seed) != (None, None):
        raise UsageError("--train and --seed name another split; add --partition random or --partition categories")
    content = load_catalogue(name)
    if partition != "category":
        train = train or len(content.partition().skills("train"))
    listing = list_catalogue(content, PartitionConfig(by=partition, train=train, seed=seed or 0, common=common), split)
    if as_json:
        print(json.dumps(dump_listing(listing), indent=2))
    else:
        print(show_listing(listing, min(shutil.get_terminal_size().columns, 120)))


@app.command()
def new(
    form: Annotated[Literal["skill", "topic", "graded"], typer.Argument(help="What to contribute.")],
    name: Annotated[str, typer.Argument(help="Its name; of graded texts, what they are.", show_default=False)],
    by: Annotated[
        str | None, typer.Option(help="'Name <mail or @handle>': signs it off.  [default: a blank]", show_default=False)
    ] = None,
    folder: Annotated[Path, typer.Option("--dir", help="The folder of contributions.")] = Path("contrib"),
) -> None:
    """Write the form of a contribution, to fill in. CONTRIBUTING.md tells the rest."""
    from datasets_builder.contribute_new import write_form

    path = write_form(form, name, by, folder)
    print(f"{path}: fill in its blanks, then: dskill check {path}")


@app.command()
def check(
    paths: Annotated[list[Path], typer.Argument(help="Files and folders of contributions.", show_default=False)],
    base: Annotated[str | None, typer.Option(help="A git revision: check changed files only.")] = None,
    against: Annotated[
        Path | None, typer.Option(help="A dataset folder that texts must neither repeat nor leak.")
    ] = None,
    grader: Annotated[
        str | None, typer.Option(help="A model that grades a sample anew.  [default: the catalogue's program, if any]")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Judge contributions: one line for each fault, exit code 2 where there is any."""
    from datasets_builder.contribute import check as judge

    verdict = judge(paths, base=base, against=against, grader=grader)
    print(verdict.as_json() if as_json else verdict)
    raise typer.Exit(2 if verdict.faults else 0)


@app.command()
def merge(
    dataset: Annotated[Path, typer.Argument(help="A finished dataset folder.", show_default=False)],
    out: Out,
    contributions: Annotated[Path, typer.Option(help="The folder of contributions.")] = Path("contrib"),
) -> None:
    """Add the contributed texts of its catalogue to a dataset: another folder, with a card that names who gave them."""
    from cards.dataset_card import make_dataset_card
    from datasets_builder.contribute_merge import merge_contributions

    manifest = merge_contributions(
        dataset, contributions, out, lambda manifest, rows: make_dataset_card(manifest.model_dump(), rows)
    )
    print(f"{out}: texts by {', '.join(f'{name} {count:,}' for name, count in manifest.contributors.items())}")


recipes = typer.Typer(help="Training recipes: render them from building blocks, check them.", no_args_is_help=True)
app.add_typer(recipes, name="recipe")


@recipes.command("render")
def render_recipe(
    model: Annotated[str | None, typer.Option(help="A block of axolotl_configs/models.", show_default=False)] = None,
    data: Annotated[str, typer.Option(help="A block of axolotl_configs/data.")] = "k123",
    method: Annotated[str, typer.Option(help="full, lora or qlora.")] = "full",
    hardware: Annotated[str, typer.Option(help="A block of axolotl_configs/hardware.")] = "8x80gb-fsdp2",
    dataset: Annotated[str | None, typer.Option(help="Another repository, or a folder.", show_default=False)] = None,
    steps: Annotated[int, typer.Option(min=1)] = 4000,
    replay: Annotated[float, typer.Option(min=0.0, max=0.9, help="Share of rows of pre-training text.")] = 0.1,
    rows: Annotated[int | None, typer.Option(min=1, help="Texts, from every k alike.  [default: all]")] = None,
    out: Annotated[
        Path | None, typer.Option(help="The file to write.  [default: print it]", show_default=False)
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Write all that recipes/train ships.")] = False,
) -> None:
    """Make a training recipe that axolotl runs as it is."""
    from axolotl_configs.command import render, render_all
    from axolotl_configs.render import Choice
    from datasets_builder.skillmix.errors import UsageError

    if every:
        render_all()
        return
    if model is None:
        raise UsageError("--model is missing: a block of axolotl_configs/models, such as mistral-7b-instruct-v0.2")
    blocks = {"model": model, "data": data, "method": method, "hardware": hardware}
    render(Choice(**blocks, dataset=dataset, steps=steps, replay=replay, rows=rows), out)


@recipes.command("check")
def check_recipes(
    paths: Annotated[list[Path], typer.Argument(help="Recipes, or folders of them.", show_default=False)],
    gpus: Annotated[int | None, typer.Option(min=1, help="GPUs.  [default: as the recipe tells]")] = None,
    batch: Annotated[int, typer.Option(min=0, help="Texts a step; 0 for any.")] = 64,
    data: Annotated[list[str], typer.Option(help="org/name=folder: where a dataset lies.")] = [],  # noqa: B006
    axolotl: Annotated[
        Path | None, typer.Option(help="The axolotl program.  [default: .venv-train/bin/axolotl]")
    ] = None,
) -> None:
    """Judge training recipes before a GPU is paid for: axolotl's schema with GPUs, and more strictly."""
    from axolotl_configs.check import Target
    from axolotl_configs.command import check, parse_data

    check(paths, axolotl, Target(gpus=gpus, batch=batch or None, data=parse_data(data)))


@recipes.command("stamp")
def stamp_checkpoint(
    checkpoint: Annotated[Path, typer.Argument(help="The output_dir of a training.", show_default=False)],
    recipe: Annotated[Path, typer.Option(help="What axolotl was given.", show_default=False)],
    data: Annotated[list[str], typer.Option(help="org/name=folder: where a dataset lies.")] = [],  # noqa: B006
) -> None:
    """Keep recipe and dataset revision in a checkpoint, and say what comes next; run it where axolotl ran."""
    from axolotl_configs.command import parse_data
    from study.stamp import show_stamp

    show_stamp(checkpoint, recipe, parse_data(data))


def main() -> None:
    """Entry point: a mistake is one line and its exit code, never a traceback (``DSKILL_DEBUG=1`` shows it)."""
    from datasets_builder.skillmix.errors import DskillError

    try:
        app(standalone_mode=True)
    except SystemExit as end:
        if end.code == INTERRUPTED:  # typer makes this of a KeyboardInterrupt, and says nothing
            print("stopped; the same command continues", file=sys.stderr)
        raise
    except DskillError as error:
        if os.environ.get("DSKILL_DEBUG"):
            raise
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
