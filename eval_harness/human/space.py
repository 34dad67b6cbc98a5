"""Writes the page as the folder of a Hugging Face Space: app, texts, and a copy of the modules that it needs."""

import shutil
from pathlib import Path

from datasets_builder.skillmix.errors import UsageError
from eval_harness.human.page import GRADIO
from eval_harness.human.plan import FILE, Plan, keep_plan

ROOT = Path(__file__).resolve().parent.parent.parent
HUMAN = "eval_harness/human"
MODULES = (  # what app.py imports, and the page's files; datasets_builder and eval_harness are packages of ours
    "datasets_builder/__init__.py",
    *(f"datasets_builder/skillmix/{name}.py" for name in ("__init__", "catalogue", "config", "errors", "rubric")),
    "eval_harness/__init__.py",
    *(f"{HUMAN}/{name}.py" for name in ("__init__", "labels", "page", "plan", "session")),
    *(f"{HUMAN}/{name}" for name in ("page.css", "page.js", "screen.html", "shell.html")),
)
REQUIREMENTS = (GRADIO, "filelock>=3.20,<5", "jinja2>=3.1,<4", "polars>=2.1,<3", "pydantic>=2.13,<3", "pyyaml>=6,<7")
README = """\
---
title: Which skills does a text show?
sdk: gradio
sdk_version: 6.31.0
python_version: "3.11"
app_file: app.py
pinned: false
license: apache-2.0
short_description: Blind marking of short texts for language skills
---

# Which skills does a text show?

A page on which people mark {count} short texts: for each skill asked for, whether the text shows it; whether it is on
its topic and makes sense. It does not know who wrote the texts, nor how a grader marked them. Made by dskill-mix.

Upload this folder to a Space (`hf upload <org>/<space> . --repo-type space`). Make the Space private, or anyone who
finds it can mark under any name.

Labels: set the variable `LABELS_REPO` (`<org>/<labels>`, a dataset repository) and the secret `HF_TOKEN` (a token that
may write there) in the Space's settings. The app then fetches the labels of earlier days when it starts, and uploads
what was marked every minute, one parquet file for each annotator, into a private repository. Without them the labels
stay on the Space's disk, which a restart empties.

Read them back: `hf download <org>/<labels> --repo-type dataset --local-dir labels`, then `dskill agree <run> --labels
labels`.
"""


def write_space(plan: Plan, folder: Path) -> None:
    """Fills the folder; what is there of an earlier export of the same plan is replaced.

    Raises:
        UsageError: The folder holds something else, or another plan.
    """
    if folder.exists() and not (folder / FILE).is_file() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder}: holds other things than a Space of this page; give an empty folder")
    keep_plan(plan, folder)
    for name in MODULES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, folder / name)
    shutil.copyfile(ROOT / HUMAN / "app.py", folder / "app.py")
    (folder / "requirements.txt").write_text("\n".join((*REQUIREMENTS, "")), encoding="utf-8")
    (folder / "README.md").write_text(README.format(count=len(plan.items)), encoding="utf-8")
