"""``recipes/data/preview.yml`` as it is shipped: the full catalogue and prompts, both SDKs, to a folder that loads."""

import json
import random
import re
from collections.abc import Callable
from pathlib import Path

import datasets
import pytest
import yaml
from loopback import LoopbackLLM
from loopback_answers import Messages, Stage

Run = Callable[..., tuple[int, str, str]]
WORDS = ("apron", "barrel", "candle", "drifts", "early", "fallow", "gathers", "harbour", "inked", "kindly", "lantern")


class PlainAnswers:
    """Answers the full prompts: one sentence that means nothing, and marks by chance."""

    def __init__(self, share: float) -> None:
        """``share`` of the texts get full marks, the others none for their topic."""
        self.share = share

    def answer(self, messages: Messages, occasion: str) -> str:
        prompt = messages[-1]["content"]
        chance = random.Random(prompt)
        if ids := re.search(r"on these ids: ([^.]+)\. Answer", prompt):
            passed = chance.random() < self.share
            return json.dumps({name: int(passed or name != "topic") for name in ids[1].split(", ")})
        sentence = " ".join(random.Random(messages[0]["content"]).choices(WORDS, k=14)).capitalize()
        return f"Text: {sentence}.\nExplanation: it is said plainly."

    def describe(self, messages: Messages) -> tuple[str | None, Stage]:
        return None, "generate"


@pytest.mark.parametrize(("asked", "share"), [(20, 0.5), (5, 0.5), (3, 0.0)])
def test_the_preview_works_end_to_end(
    root: Path, dskill: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: int, share: float
) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    with LoopbackLLM(answers=PlainAnswers(share)) as server:
        for name, url in (("OPENAI", server.openai_url), ("ANTHROPIC", server.anthropic_url)):
            monkeypatch.setenv(f"{name}_BASE_URL", url)
            monkeypatch.setenv(f"{name}_API_KEY", "sk-any")
        out = tmp_path / "preview"
        options = () if asked == 20 else ("--limit", asked)
        code, said, err = dskill("build", root / "recipes/data/preview.yml", "--out", out, "--budget", 1, *options)
    assert (code, err) == (0, ""), err
    manifest = json.loads((out / "manifest.json").read_text())
    assert sum(counted["generated"] for counted in manifest["counts"].values()) == asked
    assert f"texts kept of {asked} (" in said and "$" in said
    header = yaml.safe_load((out / "README.md").read_text().split("---\n", 2)[1])
    loaded = {c["config_name"]: datasets.load_dataset(str(out), c["config_name"]) for c in header["configs"]}
    assert set(loaded) == {*manifest["configs"], "transcripts"} and len(loaded["transcripts"]["transcripts"]) == asked
    kept = sum(counted["train"] for counted in manifest["counts"].values())
    assert kept == sum(len(loaded[name]["train"]) for name, ks in manifest["configs"].items() if len(ks) == 1)
    assert 0 < kept < asked if share else kept == 0
