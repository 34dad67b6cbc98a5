"""Tokens/s and MFU of the Mistral-7B recipe: packed and not, kinds of attention, liger; random weights.

    python tests/benchmarks/bench_train_throughput.py [--variants plain packed ...] [--steps 30] [--out FILE] [--tiny]

Trains recipes/train/mistral-7b-instruct-v0.2/k123-lora.yml (LoRA: 7B in full needs several GPUs) by axolotl, in the
real architecture with weights drawn at random, on made-up texts of some 600 tokens. Every token is trained: so the rate
that the trainer logs, of trained tokens, is that of real tokens, padding left out. Its median after ``WARM`` steps is
shown. ``--tiny`` takes a tiny shape on the CPU instead: it shows that the script works, and no more.

MFU = tokens/s x FLOPs of a token / peak. FLOPs of a token = 4 N + 6 L h s: N parameters, frozen (2 forward, 2 backward
to the activations; 6 N in full training; the adapters' own are left out); attention over L layers of width h, forward
4 h s and backward twice that, half of it masked; s = sum of squared lengths over sum of lengths, since texts do not see
one another. Recomputation does not count. Peak: dense bf16 as the maker states it (``PEAK``); of other devices only the
tokens/s are told.
"""

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import yaml

ROOT = Path(__file__).parents[2]
sys.path += [str(ROOT), str(ROOT / "tests" / "axolotl_configs")]

from tiny_models import WORDS, write_model, write_tokenizer  # noqa: E402

from axolotl_configs.blocks import load_block  # noqa: E402
from axolotl_configs.launch import environment, find_axolotl  # noqa: E402

MODEL = "mistral-7b-instruct-v0.2"
RECIPE = ROOT / f"recipes/train/{MODEL}/k123-lora.yml"
PEAK = {"H100": 989e12, "H200": 989e12, "A100": 312e12, "RTX 4090": 165e12}  # FLOP/s
WARM = 5  # steps that are not counted: kernels are compiled and memory is found
TEXTS, MEAN, SPREAD = 2000, 600, 200  # tokens of a text

PACKED = {"sample_packing": True, "pad_to_sequence_len": True}
LIGER = {"plugins": ["axolotl.integrations.liger.LigerPlugin"]}
LIGER |= {f"liger_{part}": True for part in ("rope", "rms_norm", "glu_activation", "fused_linear_cross_entropy")}
VARIANTS: dict[str, dict[str, Any]] = {
    "plain": {},  # as shipped: sdpa
    "eager": {"attn_implementation": "eager"},
    "packed": PACKED,
    "packed-flex": {**PACKED, "attn_implementation": "flex_attention"},
    "packed-flash": {**PACKED, "attn_implementation": "flash_attention_2"},
    "liger": LIGER,
    "packed-liger": {**PACKED, **LIGER},
}
ON_CPU = ("plain", "eager", "packed")  # the others have no kernels there
CPU = {"bf16": False, "tf32": False, **{f"lora_{part}_kernel": False for part in ("mlp", "qkv", "o", "embedding")}}


class Measured(NamedTuple):
    """One variant; ``mfu`` is None where the peak is not known, ``note`` says why there is no figure."""

    variant: str
    tokens_per_second: float | None
    mfu: float | None
    note: str = ""


def main() -> None:
    """Measures the variants one after the other and prints a line for each."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--variants", nargs="+", choices=VARIANTS)
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--tiny", action="store_true")
    given = parser.parse_args()
    variants = given.variants or (ON_CPU if given.tiny else VARIANTS)
    device = "cpu" if given.tiny else name_device()
    print(f"device {device}, axolotl 0.19, {RECIPE.relative_to(ROOT)}, {given.steps} steps, {WARM} of them to warm up")
    with tempfile.TemporaryDirectory() as name:
        folder = lay_out(Path(name), given.tiny)
        found = [measure(folder, variant, given.steps, device) for variant in variants]
    if given.out:
        given.out.write_text(json.dumps({"device": device, "found": [one._asdict() for one in found]}, indent=1))


def name_device() -> str:
    """As CUDA calls it, from axolotl's environment."""
    code = "import torch; print(torch.cuda.get_device_name() if torch.cuda.is_available() else '')"
    done = subprocess.run([find_axolotl().with_name("python"), "-c", code], capture_output=True, text=True, check=True)
    if not (name := done.stdout.strip()):
        sys.exit("no CUDA device; --tiny shows the script on the CPU")
    return name


def lay_out(folder: Path, tiny: bool) -> Path:
    """The model, without weights where it is large, and the texts."""
    if tiny:
        write_model(MODEL, folder / "model")
    else:
        write_tokenizer(MODEL, folder / "model")
        (folder / "model/config.json").write_text(json.dumps(real_config()))
    words, rng = WORDS.split(), random.Random(0)
    lengths = [max(50, round(rng.gauss(MEAN, SPREAD) / (10 if tiny else 1))) for _ in range(TEXTS)]
    lines = (json.dumps({"text": " ".join(rng.choices(words, k=length // 3))}) for length in lengths)
    (folder / "texts.jsonl").write_text("\n".join(lines))  # a word is some 3 tokens of the small tokenizer
    return folder


def real_config() -> dict[str, Any]:
    """Mistral-7B-Instruct-v0.2's shape."""
    block = load_block("models", MODEL)
    shape = {"hidden_size": block.hidden, "num_hidden_layers": block.layers, "vocab_size": block.vocabulary}
    shape |= {"intermediate_size": 14336, "num_attention_heads": 32, "num_key_value_heads": 8, "head_dim": 128}
    shape |= {"max_position_embeddings": 32768, "rope_theta": 1e6, "sliding_window": None, "dtype": "bfloat16"}
    return {"architectures": ["MistralForCausalLM"], "model_type": "mistral", "eos_token_id": 2, **shape}


def measure(folder: Path, variant: str, steps: int, device: str) -> Measured:
    """Trains for some steps; prints what the trainer's state says."""
    recipe = yaml.safe_load(RECIPE.read_text()) | VARIANTS[variant] | (CPU if device == "cpu" else {})
    recipe["datasets"] = [{"path": "texts.jsonl", "ds_type": "json", "type": "completion", "field": "text"}]
    recipe |= {"base_model": "./model", "reinit_weights": True, "output_dir": variant, "save_steps": steps}
    recipe |= {"max_steps": steps, "logging_steps": 1, "dataset_prepared_path": f"prepared/{variant}"}
    (folder / f"{variant}.yml").write_text(yaml.safe_dump(recipe))
    axolotl = find_axolotl()
    command = [str(axolotl), "train", f"{variant}.yml", "--launcher", "python"]
    variables = {**os.environ, **environment(axolotl, offline=True)}
    done = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, errors="replace")
    if done.returncode:
        last = next((x for x in reversed((done.stdout + done.stderr).splitlines()) if "Error" in x), "no reason given")
        return show(Measured(variant, None, None, last.strip()[:200]))
    state = json.loads((folder / variant / f"checkpoint-{steps}/trainer_state.json").read_text())
    rates = [x["tokens/train_per_sec_per_gpu"] for x in state["log_history"] if "tokens/train_per_sec_per_gpu" in x]
    rate = statistics.median(rates[WARM:])
    peak = next((flops for name, flops in PEAK.items() if name in device), None)
    return show(Measured(variant, rate, rate * flops_of_token(folder, variant) / peak if peak else None))


def flops_of_token(folder: Path, variant: str) -> float:
    """4 N + 6 L h s, by the lengths of the texts that were trained on."""
    block = load_block("models", MODEL)
    code = "import datasets, sys; print(*map(len, datasets.load_from_disk(sys.argv[1])['input_ids']))"
    (path,) = (p for p in (folder / "prepared" / variant).iterdir() if p.is_dir())
    python = find_axolotl().with_name("python")
    done = subprocess.run([python, "-c", code, path], capture_output=True, text=True, check=True)
    lengths = [int(length) for length in done.stdout.split()]
    mean = sum(length**2 for length in lengths) / sum(lengths)
    return 4 * block.parameters + 6 * block.layers * block.hidden * mean


def show(found: Measured) -> Measured:
    """One line."""
    rate = "-" if found.tokens_per_second is None else f"{found.tokens_per_second:,.0f} tokens/s"
    mfu = "" if found.mfu is None else f"  MFU {found.mfu:.1%}"
    print(f"{found.variant:<14}{rate:>20}{mfu}  {found.note}".rstrip(), flush=True)
    return found


if __name__ == "__main__":
    main()
