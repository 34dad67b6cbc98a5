"""What a training run needs, by arithmetic: memory of a GPU, texts a step, hours. Nothing here was measured.

estimate(llama-2-13b-chat, full, 8x80gb-fsdp2)  ->  Size(gigabytes=42, hours=1.6, ...)
"""

from typing import NamedTuple

from axolotl_configs.blocks import HardwareBlock, MethodBlock, ModelBlock
from datasets_builder.skillmix.errors import UsageError

BATCH = 64  # texts a step, whatever the hardware; paper
STEPS = 4000  # paper
SEQUENCE = 1024  # tokens; paper
MEAN_TOKENS = 600  # of a row: requests of recipes/data/paper.yml render to some 490 tokens, a text has 40 to 90
MFU = 0.35  # share of a GPU's peak that training reaches; assumed
GIGA = 1e9
SPARE = 0.94  # of a GPU's memory that a run may fill
OVERHEAD = 2.0  # GB of a GPU for CUDA, communication and fragments


class Size(NamedTuple):
    """Memory of each GPU in GB, wall time in hours, and what they rest on."""

    gigabytes: int
    hours: str
    assumption: str


def accumulation(hardware: HardwareBlock, batch: int = BATCH) -> int:
    """Steps of accumulation that make up the batch.

    Raises:
        UsageError: The GPUs do not divide it.
    """
    steps, rest = divmod(batch, hardware.micro_batch * hardware.gpus)
    if rest or not steps:
        raise UsageError(
            f"a batch of {batch} is not made of {hardware.gpus} GPUs x micro batch {hardware.micro_batch}; "
            "choose hardware whose GPUs divide it"
        )
    return steps


def gigabytes(model: ModelBlock, method: MethodBlock, hardware: HardwareBlock) -> float:
    """Memory of one GPU in GB: weights and states, sharded or not, and what the micro batch needs.

    Per token: the inputs of all layers in bf16 (2 bytes each, gradient checkpointing), one layer recomputed (34 bytes a
    hidden unit: Korthikanti et al. 2022, arXiv 2205.05198, without the attention matrix, which sdpa never holds), and
    the logits in bf16 with an fp32 copy and its gradient (10 bytes). Sharded training gathers two layers at a time.
    """
    shards = 1 if hardware.sharding == "none" else hardware.gpus
    lying = model.parameters * (method.weight_bytes + method.state_bytes) / shards
    gathered = 0.0 if shards == 1 else 2 * model.parameters / model.layers * method.weight_bytes
    tokens = hardware.micro_batch * SEQUENCE
    working = tokens * (model.hidden * (2 * model.layers + 34) + 10 * model.vocabulary)
    return (lying + gathered + working) / GIGA + OVERHEAD


def hours(model: ModelBlock, method: MethodBlock, hardware: HardwareBlock, steps: int = STEPS) -> float:
    """Wall time: FLOPs of all tokens over what the GPUs are assumed to reach.

    FLOPs = parameters x tokens x (2 forward + 2 recomputed + 4 backward; 2 backward where the weights are frozen).
    """
    tokens = steps * BATCH * MEAN_TOKENS
    return model.parameters * method.flops * tokens / (hardware.gpus * hardware.peak_tflops * 1e12 * MFU) / 3600


def check_fit(model: ModelBlock, method: MethodBlock, hardware: HardwareBlock) -> None:
    """Refuses what cannot run.

    Raises:
        UsageError: Too little memory; full fine-tuning on one GPU; 4-bit weights sharded.
    """
    if not method.adapter and hardware.sharding == "none":
        raise UsageError(
            f"{method.title} on {hardware.title}: axolotl keeps no fp32 copy of the weights on one GPU, and bf16 loses "
            "steps of 2e-5; choose lora or qlora, or sharded hardware"
        )
    if method.adapter == "qlora" and hardware.sharding != "none":
        raise UsageError("QLoRA is for one GPU; choose lora on sharded hardware")
    if (needed := gigabytes(model, method, hardware)) > SPARE * hardware.gigabytes:
        raise UsageError(
            f"{model.title} by {method.title} needs about {needed:.0f} GB on each GPU, {hardware.title} has "
            f"{hardware.gigabytes}; choose qlora, or larger hardware"
        )


def estimate(model: ModelBlock, method: MethodBlock, hardware: HardwareBlock, steps: int = STEPS) -> Size:
    """Memory and time of a run, as a recipe prints them."""
    time = hours(model, method, hardware, steps)
    reached = f"{MFU:.0%} of {hardware.peak_tflops:g} TFLOP/s"
    assumption = f"{steps:,} steps of {BATCH} rows of {MEAN_TOKENS} tokens, {reached}"
    return Size(round(gigabytes(model, method, hardware)), f"{time:.1f}" if time < 10 else f"{time:.0f}", assumption)
