"""The building blocks of a training recipe: models/, methods/, hardware/ and data/, one YAML file each.

    load_block("models", "llama-2-13b-chat")      -> ModelBlock
    load_block("hardware", "8x80gb-fsdp2")        -> HardwareBlock

A block holds facts; ``template`` and ``render`` turn four of them into one recipe, and ``arithmetic`` into its size.
"""

from pathlib import Path
from typing import Literal, overload

from pydantic import Field

from datasets_builder.skillmix.config import Strict, read_config
from datasets_builder.skillmix.errors import UsageError, near

FOLDER = Path(__file__).resolve().parent
Kind = Literal["models", "methods", "hardware", "data"]


class ModelBlock(Strict):
    """A base model: its name on the Hub, how it takes turns, and the sizes that memory and time depend on."""

    title: str
    base_model: str
    licence: str  # and what access needs
    chat_template: str  # tokenizer_default, a name that axolotl knows, or a file of templates/chat/
    end_of_turn: str  # the token that ends a turn; it must be trained, or the model never stops
    pad: str | None = None  # where the tokenizer has none of its own, or one that would be trained as an end
    wrap: str  # the layer class that FSDP shards by
    parameters: float = Field(gt=0)
    layers: int = Field(ge=1)
    hidden: int = Field(ge=1)
    vocabulary: int = Field(ge=1)
    note: str = ""


class MethodBlock(Strict):
    """What is trained. Bytes are of GPU memory for each parameter of the model."""

    title: str
    adapter: Literal["lora", "qlora"] | None = None
    learning_rate: float = Field(gt=0)
    weight_bytes: float = Field(gt=0)  # of the weights as they lie there
    state_bytes: float = Field(ge=0)  # of gradients, optimizer and master copy
    flops: int = Field(ge=2)  # for each parameter and token: 2 forward, 2 again to recompute, 2 or 4 backward


class HardwareBlock(Strict):
    """Where it runs: GPUs in all, and how the model is spread over them."""

    title: str
    gpus: int = Field(ge=1)
    nodes: int = Field(1, ge=1)
    gigabytes: int = Field(ge=1)  # of one GPU
    sharding: Literal["none", "fsdp2", "zero3"] = "none"
    ray: bool = False
    micro_batch: int = Field(ge=1)
    peak_tflops: float = Field(gt=0)  # of one GPU, dense bf16
    compute_capability: str


class DataBlock(Strict):
    """A dataset on the Hub and one of its configs; ``rows`` as the paper's yield gives them, until it is built."""

    title: str
    dataset: str
    config: str
    rows: int = Field(ge=1)
    source: str  # the data recipe that makes it


Block = ModelBlock | MethodBlock | HardwareBlock | DataBlock
TYPES: dict[Kind, type[Block]] = {
    "models": ModelBlock,
    "methods": MethodBlock,
    "hardware": HardwareBlock,
    "data": DataBlock,
}


@overload
def load_block(kind: Literal["models"], name: str) -> ModelBlock: ...
@overload
def load_block(kind: Literal["methods"], name: str) -> MethodBlock: ...
@overload
def load_block(kind: Literal["hardware"], name: str) -> HardwareBlock: ...
@overload
def load_block(kind: Literal["data"], name: str) -> DataBlock: ...


def load_block(kind: Kind, name: str) -> Block:
    """A building block by its name.

    Raises:
        UsageError: There is none of this name, or its file is not sound.
    """
    if name not in names(kind):
        raise UsageError(f"no {kind.removesuffix('s')} {name!r}{near(name, names(kind))} ({', '.join(names(kind))})")
    return read_config(TYPES[kind], FOLDER / kind / f"{name}.yml")


def names(kind: Kind) -> list[str]:
    """The names of all blocks of a kind."""
    return sorted(path.stem for path in (FOLDER / kind).glob("*.yml"))
