"""Imports run one way, and each framework has its own door."""

import ast
from pathlib import Path

import pytest

SHARED = (
    "costs",
    "halt",
    "ledger",
    "live",
    "manifest",
    "meter",
    "model_access",
    "model_names",
    "resume",
    "shards",
    "whole",
)
LAYERS = {  # package -> those of ours that it may import
    "datasets_builder/skillmix": {"datasets_builder.skillmix"},
    "datasets_builder/miniature": {"datasets_builder.skillmix", "datasets_builder.miniature"},
    "datasets_builder": {"datasets_builder"},
    "eval_harness": {  # its own world, and the part of building that asks models, counts money and shows progress
        "datasets_builder.skillmix",
        *(f"datasets_builder.{name}" for name in SHARED),
        "eval_harness",
    },
    "axolotl_configs": {"datasets_builder.skillmix", "axolotl_configs"},
    "cards": {"datasets_builder", "eval_harness", "cards"},
    "study": {"datasets_builder", "eval_harness", "axolotl_configs", "cards", "study"},
}
OURS = ("datasets_builder", "eval_harness", "axolotl_configs", "cards", "study", "dskill")
DOORS = {  # framework -> where it may be imported
    "distilabel": {"datasets_builder/quiet_distilabel.py"},
    "torch": {"datasets_builder/corpus.py", "eval_harness/provider.py", "eval_harness/sampling.py"},
}
LAZY = {  # the registry of program graders loads one by name, inside a function
    ("datasets_builder/skillmix/verifiers.py", "datasets_builder.miniature.verifiers"),
}
PURE = ("distilabel", "inspect_ai", "torch", "datasets", "transformers")


def imported(path: Path) -> set[str]:
    """Full names of the modules that a file imports, at any depth."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return names


def within(name: str, packages: set[str]) -> bool:
    return any(name == p or name.startswith(f"{p}.") for p in packages)


@pytest.mark.parametrize("package", LAYERS)
def test_imports_run_one_way(root: Path, package: str) -> None:
    nested = [p for p in LAYERS if p != package and p.startswith(f"{package}/")]
    files = [p for p in (root / package).rglob("*.py") if not any(p.is_relative_to(root / n) for n in nested)]
    assert files
    for path in files:
        for name in imported(path):
            if name.split(".")[0] in OURS and (path.relative_to(root).as_posix(), name) not in LAZY:
                assert within(name, LAYERS[package]), f"{path.relative_to(root)} imports {name}"


def test_the_task_itself_is_pure_python(root: Path) -> None:
    for path in (root / "datasets_builder/skillmix").rglob("*.py"):
        assert not {name.split(".")[0] for name in imported(path)} & set(PURE), path


@pytest.mark.parametrize("framework", DOORS)
def test_each_framework_has_its_door(root: Path, framework: str) -> None:
    users = {
        path.relative_to(root).as_posix()
        for package in OURS
        for path in (root / package).rglob("*.py")
        if framework in {name.split(".")[0] for name in imported(path)}
    }
    assert users and users <= DOORS[framework]
