"""The models of a data recipe, as distilabel LLM classes: any provider, stock distilabel classes, the scripted ones.

    teacher: {model: openai/gpt-5, temperature: 0.7, connections: 100}      any Inspect model name
    grader: {distilabel: vLLM, kwargs: {model: a-folder}}                   a class of distilabel's own
    teacher: {scripted: miniature, slip: 0.15, incidental: 0.3}             the miniature's program

inspect_llm.py is the one door to every provider.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Protocol, Self

from pydantic import Discriminator, Field, Tag, ValidationError, field_serializer, field_validator, model_validator
from pydantic_core import PydanticCustomError

from datasets_builder.miniature.grader import grade_reply
from datasets_builder.miniature.teacher import reply
from datasets_builder.model_names import public_name, refuse_secrets
from datasets_builder.quiet_distilabel import LLM, AsyncLLM, find_stock
from datasets_builder.skillmix.config import Strict
from datasets_builder.skillmix.errors import UsageError

SCOPE = "scope"  # keys on the last message: the row id, which tells identical prompts of different rows apart,
VOTE, TRY = "vote", "try"  # the number of the vote, and of the try at it,
STAGE = "stage"  # and the Task that asks, for the accounts
BATCHING = frozenset({"anthropic", "google", "grok", "openai", "together"})  # providers with a batch mode
IN_BATCHES = 10_000  # rows that may wait in batches: as many as Inspect lets wait of one model's requests
WITHHELD = "the provider's filter withheld the answer"  # the error that is a refusal

Messages = Sequence[Mapping[str, str]]


class ModelConfig(Protocol):
    """What every kind of model offers."""

    @property
    def model_name(self) -> str:
        """The name that rows and cards carry."""

    def check(self) -> None:
        """Raises, before anything runs, when the model cannot be asked: a key, a package, a folder is missing."""

    def llm(self, seed: int) -> LLM:
        """The distilabel LLM; its answers depend on the seed, the messages and their scope alone."""


class ScriptedTeacherConfig(Strict):
    """The program that writes texts of the miniature world."""

    scripted: Literal["miniature"]
    slip: float = Field(default=0.15, ge=0, le=1)
    incidental: float = Field(default=0.3, ge=0, le=1)

    @property
    def model_name(self) -> str:
        """The name that rows and cards carry."""
        return f"scripted/{self.scripted}"

    def check(self) -> None:
        """A program is always there."""

    def llm(self, seed: int) -> "ScriptedTeacher":
        """The teacher that this seed names."""
        return ScriptedTeacher(seed=seed, slip=self.slip, incidental=self.incidental)


class ScriptedGraderConfig(Strict):
    """The program that marks texts of the miniature world; it has no chance in it."""

    scripted: Literal["miniature"]

    @property
    def model_name(self) -> str:
        """The name that rows and cards carry."""
        return f"scripted/{self.scripted}"

    def check(self) -> None:
        """A program is always there."""

    def llm(self, seed: int) -> "ScriptedGrader":
        """The grader; the same for every seed."""
        return ScriptedGrader()


class InspectConfig(Strict):
    """A model by its Inspect name. Only options that are set are sent; keys come from the environment.

    What changes the speed and never the answer is left out of a dump, so that a finished run knows its recipe again.
    """

    model: str = Field(pattern=r"^[\w.-]+/\S+$")
    temperature: float | None = Field(default=None, ge=0)
    top_p: float | None = Field(default=None, gt=0, le=1)
    top_k: int | None = Field(default=None, ge=1)
    max_tokens: int | None = Field(default=None, ge=1)
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"] | None = None
    reasoning_tokens: int | None = Field(default=None, ge=1)
    extra_body: dict[str, Any] = Field(default_factory=dict)
    model_args: dict[str, Any] = Field(default_factory=dict)
    base_url: str | None = Field(default=None, exclude=True)
    connections: int = Field(default=50, ge=1, exclude=True)
    max_retries: int = Field(default=10, ge=0, exclude=True)
    timeout: int | None = Field(default=None, ge=1, exclude=True)  # seconds of one attempt
    batch: bool | int = Field(default=False, exclude=True)

    @field_validator("extra_body", "model_args", "base_url")
    @classmethod
    def _without_secrets(cls, value: Any) -> Any:
        return refuse_secrets(value)

    @model_validator(mode="after")
    def _has_batches(self) -> Self:
        provider = self.model.partition("/")[0]
        if self.batch and provider not in BATCHING:
            known = ", ".join(sorted(BATCHING))
            message = "provider {provider} has no batch mode ({known} have); drop the key 'batch'"
            raise PydanticCustomError("batch", message, {"provider": provider, "known": known})
        return self

    @field_serializer("model")
    def _public_model(self, value: str) -> str:
        return self.model_name

    @property
    def model_name(self) -> str:
        """The name that rows and cards carry; of a model in a folder only the folder's own name."""
        return public_name(self.model)

    @property
    def options(self) -> dict[str, Any]:
        """What is sent with a request: the options that were set."""
        names = {*type(self).model_fields} - {*OPERATIONAL, "model", "model_args", "structured"}
        return {name: value for name in sorted(names) if (value := getattr(self, name)) not in (None, {})}

    def check(self) -> None:
        """Names a missing key, package or folder."""
        from datasets_builder.model_access import check_model  # Inspect takes seconds to import

        check_model(self.model, self.base_url, self.model_args)

    def llm(self, seed: int) -> AsyncLLM:
        """The model; the seed is a scope of its answers, so that another seed gets others."""
        return self._llm(seed, structured=False)

    def _llm(self, seed: int, structured: bool) -> AsyncLLM:
        from datasets_builder.inspect_llm import InspectLLM

        operational = {name: getattr(self, name) for name in OPERATIONAL}
        return InspectLLM(
            model=self.model,
            seed=seed,
            options=self.options,
            model_args=self.model_args,
            structured=structured,
            **operational,
        )


OPERATIONAL = ("base_url", "connections", "max_retries", "timeout", "batch")  # they change no answer


class InspectGraderConfig(InspectConfig):
    """The same as a grader: asked for JSON of a fixed form where the provider is known to have that."""

    structured: bool | None = None

    def llm(self, seed: int) -> AsyncLLM:
        """The model, bound to the form of the marks where it can be."""
        from datasets_builder.model_access import STRUCTURED

        known = self.model.partition("/")[0] in STRUCTURED
        return self._llm(seed, structured=known if self.structured is None else self.structured)


class StockConfig(Strict):
    """One of distilabel's own LLM classes, such as vLLM, with its arguments."""

    distilabel: str
    kwargs: dict[str, Any] = Field(default_factory=dict)

    @field_validator("kwargs")
    @classmethod
    def _without_secrets(cls, value: Any) -> Any:
        return refuse_secrets(value)

    @property
    def model_name(self) -> str:
        """The name that rows and cards carry."""
        named = next((self.kwargs[name] for name in ("model", "model_id") if name in self.kwargs), "")
        return f"{self.distilabel.rpartition('.')[2]}/{Path(str(named)).name}".rstrip("/")

    def check(self) -> None:
        """Whether there is such a class and it takes the arguments; it finds its key only when it is loaded."""
        self.llm(0)

    def llm(self, seed: int) -> LLM:
        """The class with its arguments; a seed is for them to say."""
        stock = find_stock(self.distilabel)
        try:
            return stock(**self.kwargs)
        except ValidationError as error:
            fault = error.errors()[0]
            where = ".".join(["kwargs", *map(str, fault["loc"])])
            raise UsageError(f"distilabel {self.distilabel!r}: key {where!r}: {fault['msg']}") from None
        except (ImportError, TypeError, ValueError) as error:
            raise UsageError(f"distilabel {self.distilabel!r}: {' '.join(str(error).split())}") from None


def kind_of(value: Any) -> str | None:
    """Which kind of model an entry is: by the first key that only one kind has."""
    keys = value if isinstance(value, Mapping) else type(value).model_fields if isinstance(value, Strict) else ()
    return next((f"<{kind}>" for kind in ("scripted", "model", "distilabel") if kind in keys), None)


_KIND = Discriminator(
    kind_of,
    custom_error_type="kind_of_model",
    custom_error_message="a model needs one of the keys scripted, model, distilabel",
)
TeacherConfig = Annotated[
    Annotated[ScriptedTeacherConfig, Tag("<scripted>")]
    | Annotated[InspectConfig, Tag("<model>")]
    | Annotated[StockConfig, Tag("<distilabel>")],
    _KIND,
]
GraderConfig = Annotated[
    Annotated[ScriptedGraderConfig, Tag("<scripted>")]
    | Annotated[InspectGraderConfig, Tag("<model>")]
    | Annotated[StockConfig, Tag("<distilabel>")],
    _KIND,
]


class ScriptedTeacher(AsyncLLM):  # type: ignore[misc]
    """Writes and revises texts of the miniature; the same request in the same scope always gets the same answer."""

    seed: int
    slip: float
    incidental: float

    @property
    def model_name(self) -> str:
        """The name that distilabel shows."""
        return "scripted/miniature"

    async def agenerate(self, input: list[dict[str, str]], num_generations: int = 1) -> dict[str, Any]:
        """One text for each generation."""
        seeds = [stable_seed(self.seed, input, index) for index in range(num_generations)]
        return {"generations": [reply(input, seed, self.slip, self.incidental) for seed in seeds], "statistics": {}}


class ScriptedGrader(AsyncLLM):  # type: ignore[misc]
    """Marks texts of the miniature by its verifiers."""

    @property
    def model_name(self) -> str:
        """The name that distilabel shows."""
        return "scripted/miniature"

    async def agenerate(self, input: list[dict[str, str]], num_generations: int = 1) -> dict[str, Any]:
        """The marks in JSON, once for each vote."""
        return {"generations": [grade_reply(input[-1]["content"])] * num_generations, "statistics": {}}


def stable_seed(seed: int, messages: Messages, generation: int) -> int:
    """A seed that names one answer: from the run's seed, the messages with their scope, and its number of n."""
    key = json.dumps([seed, messages[-1].get(SCOPE, ""), [[m["role"], m["content"]] for m in messages], generation])
    return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest())
