"""What axolotl tokenises once for the tests of masks and of mixing."""

from pathlib import Path

from offline import lay_out, preprocess, recipe_of
from tiny_models import FAMILIES

from axolotl_configs.blocks import load_block

ROWS, TURNS, DOCUMENTS = 8, 3, 4
LONG = 2500  # words: more than one window of 1,024 of the tiny tokenizers' tokens
MIXED = "mistral-7b-instruct-v0.2/k1.yml"


def tokenise(axolotl: Path, folder: Path) -> dict[str, Path]:
    """A folder for each family, and ``mixed`` with as many rows as the recipe of k = 1 was written for."""
    made = {model: lay_out(folder / model, recipe_of(model), ROWS, TURNS, DOCUMENTS, LONG) for model in FAMILIES}
    made["mixed"] = lay_out(folder / "mixed", MIXED, load_block("data", "k1").rows, documents=1000)
    recipes = {path: recipe_of(name) if name in FAMILIES else MIXED for name, path in made.items()}
    preprocess(axolotl, folder, recipes)
    return made
