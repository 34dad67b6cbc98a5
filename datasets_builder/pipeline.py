"""A data recipe -> its requests and a distilabel Pipeline.

generate -> revise -> screen -> grade -> select -> deduplicate
"""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field

from datasets_builder.decontaminate import DecontaminateConfig
from datasets_builder.dedup import NearConfig
from datasets_builder.licences import DEFAULT, Licence
from datasets_builder.model_names import warn_of_family
from datasets_builder.models import GraderConfig, TeacherConfig
from datasets_builder.quiet_distilabel import Pipeline
from datasets_builder.skillmix.catalogue import Catalogue, Partition, PartitionConfig, Slug, Split, hash_catalogue
from datasets_builder.skillmix.combinations import Combination, Key, Method, draw
from datasets_builder.skillmix.config import Strict
from datasets_builder.skillmix.errors import UsageError
from datasets_builder.skillmix.prompts import PromptSet
from datasets_builder.steps import Deduplicate, Generate, Grade, Revise, Row, Screen, Select


class CombinationsConfig(Strict):
    """How much to ask for at one k."""

    n: int = Field(ge=1)
    texts: int = Field(default=1, ge=1)


class DataRecipe(Strict):
    """What a dataset is made of; recipes/data/ has examples, with the effect of each key."""

    name: Slug
    catalogue: str = Field(min_length=1)
    prompts: str | None = None
    partition: PartitionConfig = PartitionConfig(by="category", train=None)
    skills: Split = "train"
    topics: Split = "train"
    only_skills: tuple[str, ...] | None = None
    combinations: dict[Annotated[int, Field(ge=1, le=9)], CombinationsConfig] = Field(min_length=1)
    method: Method = "balanced"
    seed: int = Field(ge=0)
    teacher: TeacherConfig
    grader: GraderConfig
    votes: int = Field(default=3, ge=1)
    revise: bool = True
    reject_named: bool = True
    near_duplicates: NearConfig | None = None
    decontaminate: DecontaminateConfig | None = None
    limit: int | None = Field(default=None, ge=1)
    validation: float = Field(default=0.05, ge=0, lt=1)
    licence: Licence = DEFAULT
    concurrency: int = Field(default=50, ge=1)
    input_batch_size: int = Field(default=500, ge=1)

    def with_seed(self, seed: int) -> Self:
        """The same recipe as another run: other split (where it is random), other combinations, other texts."""
        return self.model_copy(update={"seed": seed, "partition": self.partition.model_copy(update={"seed": seed})})


OPERATIONAL = frozenset({"concurrency", "input_batch_size"})  # keys that change how fast rows come, never which


def requests(
    recipe: DataRecipe, catalogue: Catalogue, exclude: Collection[Key] = (), where: str | Path = "recipe"
) -> list[Row]:
    """The input rows: one for each text asked for, by k, then in the order drawn.

    Args:
        recipe: What to ask for.
        catalogue: Its catalogue.
        exclude: Combinations that must not be asked for.
        where: The recipe's file, for error messages.

    Raises:
        UsageError: Unknown skills, a k or a number of combinations that the catalogue has not; names file and key.
    """
    with blame(str(where)):
        partition = catalogue.partition(recipe.partition)
    skills, topics = _skills(recipe, catalogue, partition, where), partition.topics(recipe.topics)
    rows: list[Row] = []
    for k, asked in sorted(recipe.combinations.items()):
        with blame(f"{where}: key 'combinations.{k}'"):
            drawn = draw(skills, topics, k, asked.n, recipe.seed, method=recipe.method, exclude=exclude)
        rows += [_row(combination, number) for combination in drawn for number in range(asked.texts)]
    return rows


def check_models(recipe: DataRecipe, where: str | Path = "recipe") -> str | None:
    """Finds out, before anything is paid for, whether both models can be asked.

    Returns:
        One line to warn of a grader of the teacher's family, or None.

    Raises:
        UsageError: There is no such model; names file and key.
        OutsideError: A key, a package or a server is missing; names it.
    """
    for key, model in (("teacher", recipe.teacher), ("grader", recipe.grader)):
        with blame(f"{where}: key {key!r}"):
            model.check()
    return warn_of_family(recipe.teacher.model_name, recipe.grader.model_name)


def make_pipeline(recipe: DataRecipe, prompts: PromptSet) -> Pipeline:
    """The recipe's pipeline, for any distilabel runner; under distilabel's own, a Pipeline object runs once."""
    source: dict[str, Any] = {
        "catalogue": recipe.catalogue,
        "prompts": prompts_name(recipe, prompts.catalogue),
        "content": f"{hash_catalogue(prompts.catalogue)}-{prompts.version}",
    }
    batch: dict[str, Any] = {"input_batch_size": recipe.input_batch_size}
    with Pipeline(name=recipe.name) as pipeline:
        teacher, grader = recipe.teacher.llm(recipe.seed), recipe.grader.llm(recipe.seed)
        steps = [Generate(name="generate", llm=teacher, **source, **batch)]
        if recipe.revise:
            steps.append(Revise(name="revise", llm=teacher, **source, **batch))
        steps.append(Screen(name="screen", reject_named=recipe.reject_named, **source, **batch))
        steps.append(Grade(name="grade", llm=grader, num_generations=recipe.votes, **source, **batch))
        steps += [Select(name="select", votes=recipe.votes, **batch), _deduplicate(recipe)]
        for step, following in pairwise(steps):
            step.connect(following)
    return pipeline


def _deduplicate(recipe: DataRecipe) -> Deduplicate:
    return Deduplicate(name="deduplicate", near_duplicates=recipe.near_duplicates, decontaminate=recipe.decontaminate)


def prompts_name(recipe: DataRecipe, catalogue: Catalogue) -> str:
    """The recipe's prompts, or else those that the catalogue names."""
    return recipe.prompts or catalogue.about.prompts


@contextmanager
def blame(where: str) -> Iterator[None]:
    """Puts the file, and the key, before a user's mistake that shows only in use."""
    try:
        yield
    except UsageError as error:
        raise UsageError(f"{where}: {error}") from None


def _skills(recipe: DataRecipe, catalogue: Catalogue, partition: Partition, where: str | Path) -> tuple[str, ...]:
    pool = partition.skills(recipe.skills)
    if recipe.only_skills is None:
        return pool
    catalogue.check(recipe.only_skills, "skill", f"{where}: key 'only_skills'")
    if outside := sorted(set(recipe.only_skills) - set(pool)):
        fault = f"{outside[0]!r} is not among the {recipe.skills} skills; drop it, or set skills: all"
        raise UsageError(f"{where}: key 'only_skills': {fault}")
    return tuple(slug for slug in pool if slug in recipe.only_skills)


def _row(combination: Combination, number: int) -> Row:
    return {
        "id": f"{combination.id}-{number}",
        "combination": combination.id,
        "skills": list(combination.skills),
        "topic": combination.topic,
        "k": combination.k,
    }
