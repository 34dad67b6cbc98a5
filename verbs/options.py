"""Arguments that several verbs take."""

from pathlib import Path
from typing import Annotated

import typer

Recipe = Annotated[Path, typer.Argument(help="The recipe, a YAML file of recipes/.", show_default=False)]
Out = Annotated[Path, typer.Option(help="The folder to write.", show_default=False)]
Seed = Annotated[int | None, typer.Option(help="Replaces the recipe's seed: other split, data and draws.")]
