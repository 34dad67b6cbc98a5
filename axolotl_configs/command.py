"""``dskill recipe``: renders training recipes and checks them."""

from collections.abc import Sequence
from pathlib import Path

from axolotl_configs.check import Fault, Target, check_recipes
from axolotl_configs.launch import find_axolotl
from axolotl_configs.render import SHIPPED, Choice, render_recipe, write_shipped
from datasets_builder.skillmix.errors import UsageError


def render(choice: Choice, out: Path | None) -> None:
    """Prints one recipe, or writes it; a file that is there is not replaced.

    Raises:
        UsageError: A block is unknown, the model does not fit, or ``out`` exists.
    """
    content = render_recipe(choice)
    if out is None:
        print(content, end="")
        return
    if out.exists():
        raise UsageError(f"{out}: exists; name another file, or move it away")
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(content, encoding="utf-8")
    print(f"{out}: written; next: dskill recipe check {out}, then axolotl train {out}")


def render_all() -> None:
    """Renders what recipes/train ships anew."""
    changed = write_shipped()
    print("\n".join(str(path.relative_to(SHIPPED.parent.parent)) for path in changed) or "nothing has changed")


def check(paths: Sequence[Path], axolotl: Path | None, target: Target) -> list[Fault]:
    """Prints every fault on a line, and what was checked; folders stand for all recipes in them.

    Raises:
        UsageError: There is a fault, no recipe, or no training environment.
    """
    files = [file for path in paths for file in (sorted(path.rglob("*.yml")) if path.is_dir() else [path])]
    if not files:
        raise UsageError(f"{', '.join(map(str, paths))}: no recipe (*.yml) here")
    faults = check_recipes(files, find_axolotl(axolotl), target)
    print("\n".join(map(str, faults)) if faults else f"{len(files)} recipes, no fault")
    if faults:
        raise UsageError(f"{len(faults)} faults in {len({fault.file for fault in faults})} of {len(files)} recipes")
    return faults


def parse_data(pairs: Sequence[str]) -> dict[str, Path]:
    """``org/name=folder`` options.

    Raises:
        UsageError: One has no ``=``.
    """
    if bad := [pair for pair in pairs if "=" not in pair]:
        raise UsageError(f"--data {bad[0]}: give org/name=folder, the folder that holds this dataset")
    return {name: Path(folder) for name, _, folder in (pair.partition("=") for pair in pairs)}
