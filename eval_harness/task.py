"""SKILL-MIX(k) as an Inspect task: a combination -> a text -> k + 3 marks -> three metrics.

One sample, k = 2: the request "write 1 on camping showing belief , deixis" gets the text "the guide wrongly thinks
that this tent here burns .", whose marks on belief, deixis, topic, sense and length give full marks or not.

    inspect eval dskill/skillmix -T k=3 -T split=held-out --model folder/<checkpoint>
    inspect eval dskill/skillmix -T k=3 -T grader=model -T votes=3 --model <student> --model-role grader=<judge>
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from inspect import signature
from pathlib import Path
from random import Random
from typing import Any

from inspect_ai import Epochs, Task, task
from inspect_ai._util.error import PrerequisiteError
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import CachePolicy, ChatMessageUser, GenerateConfig
from inspect_ai.scorer import Score, Scorer, Target, ci, ci_wilson, mean, scorer, stderr
from inspect_ai.solver import Generate, Solver, TaskState, solver

from datasets_builder.skillmix.catalogue import Split
from datasets_builder.skillmix.combinations import Combination, Method
from datasets_builder.skillmix.errors import UsageError, near
from datasets_builder.skillmix.prompts import PromptSet
from datasets_builder.skillmix.reading import read_text
from datasets_builder.skillmix.rubric import criteria, deduct, names_a_skill, score
from datasets_builder.skillmix.verifiers import Grader, load_grader
from eval_harness.draws import draw_cell, load_world, make_cell, read_keys
from eval_harness.graders import MODEL, Ballot, make_voter

MAX_RETRIES = 10  # of one call; Inspect's default never gives up
SHOTS = 5  # other requests that each text is graded against, to see whether it answers its own

on_scored: ContextVar[Callable[[bool | None], None] | None] = ContextVar("on_scored", default=None)
"""Called after each text with its full marks, None when it is unscored."""


class OptionError(UsageError, PrerequisiteError):
    """A wrong option of the task: ``inspect eval`` shows a PrerequisiteError as one line."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


@contextmanager
def _options() -> Iterator[None]:
    try:
        yield
    except UsageError as error:
        raise OptionError(str(error)) from None


@task(name="dskill/skillmix")
def skillmix(
    catalogue: str = "miniature",
    k: int = 3,
    split: Split = "train",
    topics: Split = "held-out",
    n: int = 300,
    seed: int = 0,
    by: str = "category",
    train: int | None = None,
    partition_seed: int = 0,
    common: bool = True,
    method: Method = "balanced",
    exclude: str | None = None,
    generations: int = 1,
    votes: int = 1,
    early_stop: bool = False,
    revise: bool = False,
    prompts: str | None = None,
    limit: int | None = None,
    grader: str = "miniature",
    name_deduction: bool = True,
    temperature: float = 0.7,
    max_tokens: int = 512,
    cache: bool = False,
    weights: str = "",
    **unknown: Any,
) -> Task:
    """SKILL-MIX(k) on one split.

    Args:
        catalogue: A shipped catalogue's name, or a catalogue's folder.
        k: Skills a text.
        split: Skills to draw from: train, held-out or all.
        topics: Topics to draw from. paper: not stated for train and all skills
        n: Distinct combinations; all there are when fewer exist. paper: not stated (SKILL-MIX: 100)
        seed: Names the draw; models to compare need the same.
        by: How skills are split: category, random or categories (the latter two by ``train`` and ``partition_seed``).
        common: Whether skills that are in every other text are asked for too.
        exclude: A dataset folder, none of whose (skills, topic) is asked.
        generations: Texts a combination; several are reported by their maximum (as in the paper) and their mean.
        votes: Votes on a text, by a grader model alone.
        early_stop: Leaves out votes that can change no mark. Marks stay the same, agreement between votes does not.
        revise: Sends the author back to the text once. The last text is graded.
        prompts: Another prompt set than the catalogue's own: a shipped one's name, or a folder.
        limit: Sentences that a text may have; max(1, k - 1) when not set.
        grader: A program grader's name, or ``model`` for the role ``grader`` of the run.
        name_deduction: Whether a text that names one of its skills loses its skill points. paper: not stated
        cache: Keeps answers on disk, so that a killed run is not paid for again.
        weights: A digest of the student's weights, where its name is a folder's: no answer outlives them in the cache.

    Raises:
        OptionError: A name, a file or a number is wrong, before any text is paid for.
    """
    with _options():
        if unknown:
            name = next(iter(unknown))
            raise UsageError(f"no option {name!r}{near(name, signature(skillmix).parameters)}")
        world = load_world(catalogue, prompts, limit)
        partition = {"by": by, "train": train, "seed": partition_seed, "common": common}
        cell = make_cell(split=split, k=k, n=n, topics=topics, seed=seed, method=method, partition=partition)
        sides = world.catalogue.partition(cell.partition)
        drawn = draw_cell(world.catalogue, cell, read_keys(Path(exclude), sides.topics(topics)) if exclude else ())
        make_voter(grader, world, votes)
    facts = {
        **{"catalogue": catalogue, "split": split, "k": k, "n_combinations": len(drawn), "generations": generations},
        **{"votes": votes, "grader": grader, "prompts": world.version, "limit": limit},
    }
    name = f"skillmix-{split}-k{k}"
    judge: dict[str, Any] = {"grader": grader, "votes": votes, "early_stop": early_stop}
    asked: dict[str, Any] = {"catalogue": catalogue, "prompts": prompts, "limit": limit}
    return Task(
        name=name,
        dataset=MemoryDataset([_sample(combination, world) for combination in drawn], name=name),
        solver=write(**asked, **judge, seed=seed, revise=revise, cache=cache, weights=weights),
        scorer=rubric(**asked, **judge, name_deduction=name_deduction, pool=list(sides.skills(split))),
        epochs=Epochs(generations, ["max", "mean"]) if generations > 1 else None,
        config=GenerateConfig(temperature=temperature, max_tokens=max_tokens, max_retries=MAX_RETRIES),
        metadata=facts,
    )


@solver
def write(
    catalogue: str,
    prompts: str | None = None,
    limit: int | None = None,
    grader: str = MODEL,
    votes: int = 1,
    early_stop: bool = False,
    seed: int = 0,
    revise: bool = False,
    cache: bool = False,
    weights: str = "",
) -> Solver:
    """Turn 1, and turn 2 where wanted; each turn of each generation has a seed and a cache entry of its own."""
    world = load_world(catalogue, prompts, limit)
    voter = make_voter(grader, world, votes, early_stop)

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        voter.check()  # here, because the roles of a run are known only inside it, and before the text is paid for
        policy = CachePolicy(expiry=None, scopes={"weights": weights} if weights else {}) if cache else False
        state = await generate(state, cache=policy, seed=_mix(seed, state.sample_id, state.epoch, 1))
        if revise:
            state.messages.append(ChatMessageUser(content=world.revise(_combination(state))))
            state = await generate(state, cache=policy, seed=_mix(seed, state.sample_id, state.epoch, 2))
        return state

    return solve


@scorer(
    name="dskill/rubric",
    metrics={
        "full_marks": [mean(), ci_wilson(), stderr(cluster="topic")],
        "all_skills": [mean(), ci_wilson()],
        "skills_fraction": [mean(), ci(), stderr(cluster="topic")],
    },
)
def rubric(
    catalogue: str = "miniature",
    prompts: str | None = None,
    limit: int | None = None,
    grader: str = "miniature",
    votes: int = 1,
    early_stop: bool = False,
    name_deduction: bool = True,
    pool: Sequence[str] = (),
    read: bool = True,
) -> Scorer:
    """The three metrics of a text; unscored, never zero, when too few votes are readable.

    A missing text is the author's failure: it gets no mark, and no grader is asked. All arguments are plain, so that
    ``inspect score LOG --scorer dskill/rubric -S grader=model -S votes=3`` grades an old log again.

    Args:
        pool: Skills to draw the shotgun control's other requests from (all when empty); only a program grades those.
        read: Whether the text is to be read out of a reply; else the completion is the text.
    """
    world = load_world(catalogue, prompts, limit)
    voter = make_voter(grader, world, votes, early_stop)
    program = None if grader == MODEL else load_grader(grader)
    others = tuple(pool) or tuple(sorted(world.catalogue.skills))

    async def grade(state: TaskState, target: Target) -> Score:
        combination, reply = _combination(state), state.output.completion
        found = read_text(reply) if read else reply
        text, skills = found or "", combination.skills
        ballot = await voter.cast(text, combination) if found else Ballot([], [], planned=0)
        too_long = world.is_too_long(combination, text)
        named = names_a_skill(text, world.catalogue.names_of(skills))
        kept: dict[str, Any] = {**ballot._asdict(), "too_long": too_long, "named": named}
        voted = ballot.marks(skills) if found else dict.fromkeys(criteria(skills), False)
        if voted is None:
            _report(None)
            return Score.unscored(reason="invalid_response_format", answer=text, metadata=kept)
        marks = deduct(voted, skills, too_long=too_long, named=named and name_deduction)
        if program and found:
            kept["shotgun"] = shotgun(program, text, combination, others, _mix(combination.id, state.epoch))
        metrics = score(marks, skills)
        _report(metrics.full_marks)
        values = {metric: float(value) for metric, value in metrics._asdict().items()}
        return Score(value=values, answer=text, metadata=kept | {"marks": marks})

    return grade


def _report(full_marks: bool | None) -> None:
    if (notify := on_scored.get()) is not None:
        notify(full_marks)


def shotgun(grader: Grader, text: str, combination: Combination, pool: tuple[str, ...], seed: int) -> float | None:
    """Share of ``SHOTS`` other requests, same k and topic and no skill in common, that the text would meet in full.

    Near 0 when texts answer their requests; high when they show everything at once. None where the split is too small
    for another request.
    """
    others = sorted(set(pool) - set(combination.skills))
    if len(others) < combination.k:
        return None
    random = Random(seed)
    requests = [Combination(tuple(random.sample(others, combination.k)), combination.topic) for _ in range(SHOTS)]
    return sum(score(grader(text, other), other.skills).full_marks for other in requests) / SHOTS


def _sample(combination: Combination, world: PromptSet) -> Sample:
    facts = {"skills": list(combination.skills), "topic": combination.topic}
    return Sample(id=combination.id, input=world.generate(combination), metadata=facts)


def _combination(state: TaskState) -> Combination:
    return Combination(tuple(state.metadata["skills"]), state.metadata["topic"])


def _mix(*parts: object) -> int:
    """A seed below 2**31 from all parts: providers take no larger ones."""
    return int.from_bytes(hashlib.blake2b(repr(parts).encode(), digest_size=4).digest()) >> 1
