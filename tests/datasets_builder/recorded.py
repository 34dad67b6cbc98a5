"""Answers of a real LLM as rows of a build: a catalogue for them, a teacher that repeats them, a grader that agrees.

``run_recorded`` streams them through a pipeline in this process; ``build_recorded`` is the command itself, with teacher
and grader behind the loopback server.

tests/data/recorded_texts.csv holds 30 of them; tests/data/README.md says whose they are. Columns: id, k, skills (names,
", " between them), topic, raw_completion (the whole answer), completion (the text that its authors read out of it).
"""

import csv
import json
import os
import re
from pathlib import Path
from typing import Any
from unittest.mock import patch

import yaml
from loopback import LoopbackLLM
from loopback_answers import CannedAnswers, Messages, Stage

from datasets_builder.dedup import NearConfig
from datasets_builder.pipeline import DataRecipe, make_pipeline
from datasets_builder.quiet_distilabel import AsyncLLM
from datasets_builder.runner import run_stream
from datasets_builder.skillmix.catalogue import Catalogue, load_catalogue
from datasets_builder.skillmix.combinations import Combination
from datasets_builder.skillmix.prompts import PromptSet, load_prompts
from datasets_builder.skillmix.rubric import criteria, sentence_limit
from datasets_builder.steps import Row

EXCERPT = Path(__file__).parents[1] / "data" / "recorded_texts.csv"
KEYS = {"licence": "CC-BY-4.0"}


def read_recorded(path: Path = EXCERPT) -> list[dict[str, str]]:
    """The answers, in the order of the file."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def slug_of(name: str) -> str:
    """ "The Ottoman Empire" as "the-ottoman-empire"."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def names_of(answer: dict[str, str]) -> list[str]:
    """The skills asked for, as the authors name them."""
    return re.findall(r"[^,(]+(?:\([^)]*\))?", answer["skills"].replace(", ", ","))


def make_catalogue(folder: Path, answers: list[dict[str, str]]) -> Catalogue:
    """The skills and topics of the answers; definitions and examples stand for those of a real catalogue."""
    for kind in ("skills", "topics"):
        (folder / kind).mkdir(parents=True, exist_ok=True)
    about = {"name": "recorded", "description": "Of the recorded texts.", "categories": {"mixed": "train"}}
    _write(folder / "catalogue.yml", about | {"prompts": "miniature"})
    for name in sorted({name for answer in answers for name in names_of(answer)}):
        content = {"name": name, "slug": slug_of(name), "category": "mixed", "definition": f"Shows {name}."}
        miss = {"text": "No example.", "reason": "A stand-in."}
        content |= {"examples": ["a", "b", "c"], "near_miss": miss, "reference": "none"}
        _write(folder / "skills" / f"{slug_of(name)}.yml", content | KEYS)
    for name in sorted({answer["topic"] for answer in answers}):
        content = {"name": name, "slug": slug_of(name), "split": "train"}
        _write(folder / "topics" / f"{slug_of(name)}.yml", content | KEYS)
    return load_catalogue(folder)


def to_requests(answers: list[dict[str, str]]) -> list[Row]:
    """A request for each answer."""
    rows = []
    for answer in answers:
        combination = Combination(tuple(map(slug_of, names_of(answer))), slug_of(answer["topic"]))
        asked = {"skills": list(combination.skills), "topic": combination.topic, "k": combination.k}
        rows.append({"id": answer["id"], "combination": combination.id, **asked})
    return rows


class RecordedTeacher(AsyncLLM):  # type: ignore[misc]
    """Repeats the answer that was recorded for the row."""

    answers: dict[str, str]

    @property
    def model_name(self) -> str:
        return "recorded"

    async def agenerate(self, input: list[dict[str, str]], num_generations: int = 1) -> dict[str, Any]:
        return {"generations": [self.answers[input[-1]["scope"]]] * num_generations, "statistics": {}}


class AgreeableGrader(AsyncLLM):  # type: ignore[misc]
    """Gives full marks to every text: what is rejected is rejected by programs."""

    skills: dict[str, list[str]]

    @property
    def model_name(self) -> str:
        return "agreeable"

    async def agenerate(self, input: list[dict[str, str]], num_generations: int = 1) -> dict[str, Any]:
        marks = dict.fromkeys(criteria(self.skills[input[-1]["scope"].split("#")[0]]), 1)
        return {"generations": [json.dumps(marks)] * num_generations, "statistics": {}}


class AgreeableAnswers:
    """The same behind the loopback server: whoever asks for marks gets all of them."""

    def answer(self, messages: Messages, occasion: str) -> str:
        """A mark of 1 for each id that the prompt ends with."""
        ids = re.search(r"on these ids: ([^.]+)\. Answer", messages[-1]["content"])
        if ids is None:
            raise ValueError("nothing is recorded for this prompt")
        return json.dumps({"marks": [{"id": name, "mark": 1} for name in ids[1].split(", ")]})

    def describe(self, messages: Messages) -> tuple[str | None, Stage]:
        """No row can be told."""
        return None, "grade" if "on these ids: " in messages[-1]["content"] else "generate"


def build_recorded(
    folder: Path, answers: list[dict[str, str]], near: float, limit: int | None = None, **recipe: Any
) -> tuple[int, Path]:
    """``dskill build`` with the answers as its rows, through HTTP: its exit code, and the folder that it writes.

    It asks for the combinations of the answers, instead of drawing some, and gets each answer once, as a first and only
    turn to the full prompts. ``limit`` stands for the sentence limit, which every one of these unrevised texts breaks.
    """
    import dskill

    catalogue = make_catalogue(folder / "catalogue", answers)
    prompts, asked = load_prompts("full", catalogue), to_requests(answers)
    recorded: dict[str, list[str]] = {}
    for answer, row in zip(answers, asked, strict=True):
        prompt = prompts.generate(Combination(tuple(row["skills"]), row["topic"]))
        recorded.setdefault(prompt, []).append(answer["raw_completion"])
    content = {
        "name": "recorded",
        "catalogue": str(folder / "catalogue"),
        "prompts": "full",
        "combinations": {k: {"n": 1} for k in (1, 2, 3)},
        "seed": 0,
        "teacher": {"model": "openai-api/loopback/teacher"},
        "grader": {"model": "openai-api/loopback/grader"},
        "revise": False,
        "near_duplicates": {"threshold": near},
        "licence": "Apache-2.0",
    }
    (folder / "recipe.yml").write_text(yaml.safe_dump(content | recipe), encoding="utf-8")
    command = ["dskill", "build", str(folder / "recipe.yml"), "--out", str(folder / "dataset")]
    with (
        LoopbackLLM(answers=CannedAnswers(recorded, AgreeableAnswers())) as server,
        patch.dict(os.environ, LOOPBACK_BASE_URL=server.openai_url, LOOPBACK_API_KEY="sk-any"),
        patch("datasets_builder.build.requests", lambda *given, **named: asked),
        patch("datasets_builder.steps.sentence_limit", lambda k: limit or sentence_limit(k)),
        patch("sys.argv", command),
    ):
        try:
            dskill.main()
        except SystemExit as end:
            return int(end.code or 0), folder / "dataset"
    return 0, folder / "dataset"


def run_recorded(
    folder: Path, answers: list[dict[str, str]], near: NearConfig | None, limit: int | None = None
) -> tuple[list[Row], list[Row], Catalogue, PromptSet]:
    """The answers through the whole pipeline, as a teacher's first and only turn: requests, rows, and their world.

    ``limit`` stands for the sentence limit, which every one of these unrevised texts breaks.
    """
    catalogue = make_catalogue(folder, answers)
    prompts = load_prompts(catalogue.about.prompts, catalogue)
    recipe = DataRecipe.model_validate(
        {
            "name": "recorded",
            "catalogue": str(folder),
            "combinations": {k: {"n": 1} for k in (1, 2, 3)},
            "seed": 0,
            "teacher": {"scripted": "miniature"},
            "grader": {"scripted": "miniature"},
            "votes": 1,
            "revise": False,
            "near_duplicates": near,
        }
    )
    asked = to_requests(answers)
    pipeline = make_pipeline(recipe, prompts)
    teacher = RecordedTeacher(answers={answer["id"]: answer["raw_completion"] for answer in answers})
    pipeline.dag.get_step("generate")["step"].llm = teacher
    pipeline.dag.get_step("grade")["step"].llm = AgreeableGrader(skills={row["id"]: row["skills"] for row in asked})
    with patch("datasets_builder.steps.sentence_limit", lambda k: limit or sentence_limit(k)):
        return asked, list(run_stream(pipeline, asked)), catalogue, prompts


def _write(path: Path, content: dict[str, Any]) -> None:
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
