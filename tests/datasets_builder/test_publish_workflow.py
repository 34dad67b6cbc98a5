"""The workflow that publishes from CI: sound YAML, few rights, no stored token, and commands that exist."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

DSKILL = re.compile(r"^dskill (\S+)")


@pytest.fixture
def workflow(root: Path) -> dict[str, Any]:
    """The workflow, read."""
    content = yaml.safe_load((root / ".github/workflows/publish.yml").read_text())
    content["on"] = content.pop(True)  # what YAML 1.1 makes of the key
    return content


def test_only_a_person_starts_it(workflow: dict[str, Any]) -> None:
    assert list(workflow["on"]) == ["workflow_dispatch"]
    assert workflow["concurrency"]["cancel-in-progress"] is False


def test_rights(workflow: dict[str, Any]) -> None:
    (job,) = workflow["jobs"].values()
    assert workflow["permissions"] == {"contents": "read"}
    assert job["permissions"] == {"contents": "read", "id-token": "write"}
    assert job["steps"][0]["with"] == {"persist-credentials": False}


def test_no_secret_and_no_input_in_a_script(workflow: dict[str, Any], root: Path) -> None:
    text = (root / ".github/workflows/publish.yml").read_text()
    (job,) = workflow["jobs"].values()
    assert "secrets." not in text and "HF_TOKEN" not in text
    assert all("${{" not in step.get("run", "") for step in job["steps"]), "inputs come as variables, never as code"
    assert job["steps"][-1]["env"] == {"HF_OIDC_RESOURCE": "datasets/${{ inputs.repository }}"}
    assert not any("HF_OIDC_RESOURCE" in step.get("env", {}) for step in job["steps"][:-1])


def test_actions_are_pinned(workflow: dict[str, Any]) -> None:
    (job,) = workflow["jobs"].values()
    used = [step["uses"] for step in job["steps"] if "uses" in step]
    assert used and all(re.fullmatch(r"actions/[a-z-]+@v\d+", action) for action in used)


def test_its_commands_exist(workflow: dict[str, Any], root: Path, dskill: Any) -> None:
    (job,) = workflow["jobs"].values()
    commands = [step["run"] for step in job["steps"] if "run" in step]
    assert (root / workflow["on"]["workflow_dispatch"]["inputs"]["recipe"]["default"]).is_file()
    assert (root / next(word for word in shlex.split(commands[0]) if word.startswith("constraints/"))).is_file()
    for found in filter(None, map(DSKILL.match, commands)):
        code, out, _ = dskill(found[1], "--help")
        assert code == 0 and all(option in out for option in re.findall(r" (--[a-z-]+)", found.string)), found.string
