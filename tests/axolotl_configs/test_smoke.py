"""Shipped recipes, trained for a few steps on the CPU with a tiny random model of the same architecture.

Read back from what the trainer wrote, never from the file: steps, batch, schedule, and what lies in the checkpoint.
"""

import json
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from offline import ANSWER, conversation, lay_out, prepared, read, recipe_of, run_axolotl, start_axolotl
from safetensors.numpy import load_file
from tiny_models import FAMILIES

pytestmark = pytest.mark.timeout(600)

FULL, LORA = "mistral-7b-instruct-v0.2/k123.yml", "llama-2-13b-chat/k123-lora.yml"
QLORA, TEMPLATE = "llama-2-13b-chat/k123-qlora.yml", "llama-2-13b-chat/k123.yml"
WARMED = 68  # steps: the warm-up and a little more
ARGUMENTS = """
import json, sys, torch
made = torch.load(sys.argv[1], weights_only=False)
names = ("per_device_train_batch_size", "gradient_accumulation_steps", "max_steps", "lr_scheduler_type")
names += ("warmup_steps", "learning_rate")
print(json.dumps({name: getattr(made, name) for name in names}))
"""


def state_of(checkpoint: Path) -> dict[str, Any]:
    return json.loads((checkpoint / "trainer_state.json").read_text())  # type: ignore[no-any-return]


def arguments_of(axolotl: Path, checkpoint: Path) -> dict[str, Any]:
    """The trainer's own arguments, by the libraries that pickled them."""
    command = [axolotl.with_name("python"), "-c", ARGUMENTS, checkpoint / "training_args.bin"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])  # type: ignore[no-any-return]


def wait_for(path: Path, process: "subprocess.Popen[str]", seconds: float = 300) -> None:
    """Until the file is there and whole; fails when the process ends before."""
    end = time.monotonic() + seconds
    while not path.is_file():
        assert process.poll() is None and time.monotonic() < end, f"no {path.name}"
        time.sleep(0.2)
    time.sleep(1)


def texts_a_step(state: dict[str, Any], rows: int) -> float:
    """As the trainer counted them: passes over the rows, by the steps that they took."""
    return float(state["epoch"]) * rows / int(state["global_step"])


@pytest.mark.parametrize("seen", [3, pytest.param(WARMED, marks=pytest.mark.slow)])
def test_the_papers_run_as_the_trainer_plans_it(axolotl: Path, tmp_path: Path, seen: int) -> None:
    """Full fine-tuning on texts and documents mixed; 8 x 8 on one device, as 8 on eight. Stopped after a few steps."""
    lay_out(tmp_path, FULL, rows=60, documents=12)  # three steps a pass
    changes = {"gradient_accumulation_steps": 8, "logging_steps": 1, "save_steps": seen}
    process = start_axolotl(axolotl, "train", tmp_path, FULL, **changes)
    checkpoint = tmp_path / read(FULL)["output_dir"] / f"checkpoint-{seen}"
    try:
        wait_for(checkpoint / "trainer_state.json", process)
    finally:
        process.kill()
        process.wait()
    state, rows = state_of(checkpoint), prepared(tmp_path, FULL)
    assert (state["global_step"], state["max_steps"], state["train_batch_size"]) == (seen, 4000, 8)
    assert sum(-100 not in row["labels"] for row in rows) == 12 and len(rows) == 192
    assert texts_a_step(state, len(rows)) == pytest.approx(64)
    rates = {entry["step"]: entry["learning_rate"] for entry in state["log_history"] if "learning_rate" in entry}
    assert rates == pytest.approx({step: 2e-5 * min(1, (step - 1) / 64) for step in range(1, seen + 1)})
    if seen == WARMED:
        assert state["log_history"][-1]["loss"] < state["log_history"][0]["loss"]
        planned = {"per_device_train_batch_size": 8, "gradient_accumulation_steps": 8, "max_steps": 4000}
        planned |= {"lr_scheduler_type": "constant_with_warmup", "warmup_steps": 64, "learning_rate": 2e-5}
        assert arguments_of(axolotl, checkpoint) == planned


@pytest.mark.parametrize("merge", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_adapters_train_and_merge(axolotl: Path, tmp_path: Path, merge: bool) -> None:
    """LoRA as shipped, batch and all: adapters are saved; merged they change every linear layer, nothing else."""
    lay_out(tmp_path, LORA, rows=60, documents=12)
    run_axolotl(axolotl, "train", tmp_path, LORA, max_steps=2, logging_steps=1)
    output = tmp_path / read(LORA)["output_dir"]
    assert texts_a_step(state_of(output / "checkpoint-2"), 192) == pytest.approx(64)
    assert (output / "adapter_model.safetensors").is_file() and not (output / "model.safetensors").exists()
    if not merge:
        return
    run_axolotl(axolotl, "merge-lora", tmp_path, LORA, lora_model_dir=read(LORA)["output_dir"], output_dir="model")
    folders = (tmp_path / "model/merged", tmp_path / read(LORA)["base_model"])
    merged, base = (load_file(folder / "model.safetensors") for folder in folders)
    assert merged.keys() == base.keys()
    changed = {name.split(".")[-2] for name in base if not (merged[name] == base[name]).all()}
    assert changed == {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"}


@pytest.mark.slow
@pytest.mark.parametrize("recipe", [QLORA, *(recipe_of(model) for model in FAMILIES if recipe_of(model) != FULL)])
def test_every_family_trains(axolotl: Path, tmp_path: Path, recipe: str) -> None:
    lay_out(tmp_path, recipe, rows=30)
    micro = read(recipe)["micro_batch_size"]
    run_axolotl(
        axolotl, "train", tmp_path, recipe, max_steps=3, logging_steps=1, gradient_accumulation_steps=64 // micro
    )
    output = tmp_path / read(recipe)["output_dir"]
    assert (output / ("adapter_model" if "adapter" in read(recipe) else "model")).with_suffix(".safetensors").is_file()
    state = state_of(output / "checkpoint-3")
    assert state["train_batch_size"] == micro and state["global_step"] == 3
    assert all(0 < entry["loss"] < 10 for entry in state["log_history"] if "loss" in entry)


@pytest.mark.slow
def test_an_answer_of_a_trained_model_ends(axolotl: Path, tmp_path: Path) -> None:
    """The point of training the end of a turn: the model says what it was taught, and stops. LLaMA-2's template."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    lay_out(tmp_path, TEMPLATE, rows=40, documents=4)
    more = {"max_steps": 150, "learning_rate": 0.003, "warmup_steps": 5, "gradient_accumulation_steps": 1}
    run_axolotl(axolotl, "train", tmp_path, TEMPLATE, **more)
    output = tmp_path / read(TEMPLATE)["output_dir"]
    tokenizer, model = AutoTokenizer.from_pretrained(output), AutoModelForCausalLM.from_pretrained(output)
    asked = tokenizer.apply_chat_template(
        conversation(100_000, 1)[:1], add_generation_prompt=True, return_tensors="pt", return_dict=True
    )
    with torch.no_grad():
        reply = model.generate(**asked, max_new_tokens=200, do_sample=False)[0][asked["input_ids"].shape[1] :]
    assert reply[-1] == tokenizer.eos_token_id and ANSWER in tokenizer.decode(reply)
