"""``axolotl preprocess`` for many recipes in one process, since its imports cost more than its work.

.venv-train/bin/python preprocess_all.py FOLDER/RECIPE...      each in its folder, on the CPU
"""

import os
import sys
from pathlib import Path


def main() -> None:
    """Tokenises what each recipe names, into its ``dataset_prepared_path``."""
    recipes, sys.argv = [Path(name).absolute() for name in sys.argv[1:]], sys.argv[:1]
    import datasets
    from axolotl.cli.preprocess import do_cli

    for recipe in recipes:
        os.chdir(recipe.parent)
        datasets.config.HF_DATASETS_CACHE = recipe.parent / "cache"  # or one dataset would be taken for another
        do_cli(recipe.name, bf16="false", tf32="false", dataset_num_proc="1")


if __name__ == "__main__":
    main()
