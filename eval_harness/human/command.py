"""``dskill annotate``: a results file -> the plan of what is marked -> the page, here or as the folder of a Space."""

from pathlib import Path
from typing import NamedTuple

from eval_harness.human.labels import check_annotator, read_saved
from eval_harness.human.plan import keep_plan
from eval_harness.human.sampling import draw_plan
from eval_harness.results import read_run


class Options(NamedTuple):
    """What the command line says; ``n`` texts, ``overlap`` the share of them that every annotator marks."""

    out: Path
    n: int = 100
    seed: int = 0
    overlap: float = 0.25
    annotator: str | None = None
    port: int | None = None
    space: Path | None = None


def open_page(run: Path, options: Options) -> None:
    """Opens the page until Ctrl-C, or writes the folder of a Space. The same command again goes on.

    Raises:
        UsageError: The run, a name, the port, or what stands in the folder; before any page is opened.
        OutsideError: Gradio is not installed.
    """
    name = check_annotator(options.annotator) if options.annotator else ""
    plan = draw_plan(read_run(run), options.n, options.seed, options.overlap)
    if options.space is not None:
        from eval_harness.human.space import write_space

        write_space(plan, options.space)
        print(f"{options.space}: a Space of {len(plan.items)} texts; its README.md says where labels go")
        return
    from eval_harness.human.page import build_page, launch
    from eval_harness.human.session import Desk

    keep_plan(plan, options.out)
    saved = read_saved(options.out)
    page = build_page(Desk(plan, options.out), name)
    address = launch(page, port=options.port)
    shared = sum(item.shared for item in plan.items)
    marked = saved["item"].n_unique()
    print(f"{len(plan.items)} texts, {shared} for every annotator; {marked} marked so far, into {options.out}")
    print(f"open {address} (Ctrl-C ends; every text is saved as soon as it is marked)", flush=True)
    page.block_thread()
