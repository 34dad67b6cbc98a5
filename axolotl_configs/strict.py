"""Checks training recipes as axolotl would, and more strictly; runs in axolotl's own environment, on any machine.

    .venv-train/bin/python axolotl_configs/strict.py < jobs    one JSON object a line: {"file", "key", "fault", "cure"}

axolotl's schema drops a misspelt key in silence and types many choices as plain text. This asks the schema, with a GPU
that is not here, and looks at every key at any depth. It imports nothing of ours: the environments differ.
"""

import contextlib
import difflib
import importlib
import importlib.util
import io
import json
import os
import sys
from collections.abc import Iterator
from typing import Any, NamedTuple, get_args

os.environ |= {"AXOLOTL_DO_NOT_TRACK": "1", "HF_HUB_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": ""}

BUILT_IN = ("alpaca", "explainchoice", "concisechoice", "summarizetldr", "gpteacher", "oasst", "reflection", "jeopardy")
ISOLATING = ("sdpa", "eager", "flash_attention_2", "flash_attention_3", "flex_attention", "xformers")

END_TOKENS = ("</s>", "<|endoftext|>", "<|end_of_text|>", "<eos>")  # what tokenizers call eos_token


class Fault(NamedTuple):
    """What is wrong at a key, and what to do."""

    key: str
    fault: str
    cure: str


def check(recipe: dict[str, Any], capabilities: dict[str, Any]) -> Iterator[Fault]:
    """All faults of one recipe."""
    from axolotl.utils.schemas.config import AxolotlInputConfig

    plugins = list(_plugins(recipe))
    yield from plugins
    model = AxolotlInputConfig if plugins else _model_with_plugins(recipe)
    yield from _unknown(recipe, [model], "")
    yield from _choices(recipe)
    yield from _datasets(recipe)
    yield from _combinations(recipe)
    yield from _turn_end(recipe)
    yield from _schema(recipe, capabilities)


def _plugins(recipe: dict[str, Any]) -> Iterator[Fault]:
    for name in recipe.get("plugins") or []:
        module, _, member = str(name).rpartition(".")
        try:
            getattr(importlib.import_module(module), member)
        except (ImportError, AttributeError, ValueError):
            yield Fault("plugins", f"there is no plugin {name!r}", "axolotl would log it and train without it")


def _model_with_plugins(recipe: dict[str, Any]) -> Any:
    """The schema, with the keys that plugins add."""
    from axolotl.utils.config import prepare_plugins
    from axolotl.utils.dict import DictDefault
    from axolotl.utils.schemas.config import AxolotlInputConfig

    if not recipe.get("plugins"):
        return AxolotlInputConfig
    from axolotl.integrations.config import merge_input_args

    prepare_plugins(DictDefault(recipe))
    return merge_input_args()[1]


def _unknown(content: dict[str, Any], models: list[Any], path: str) -> Iterator[Fault]:
    """Keys that no model has, at any depth."""
    fields = {name: field for model in models for name, field in _fields(model)}
    for key, value in content.items():
        if key not in fields:
            near = difflib.get_close_matches(str(key), list(fields), 1)
            cure = f"did you mean {near[0]!r}?" if near else "axolotl would drop it in silence"
            yield Fault(f"{path}{key}", "unknown key", cure)
            continue
        inner = _inner(key, fields[key].annotation)
        if not inner:
            continue
        if isinstance(value, dict):
            yield from _unknown(value, inner, f"{path}{key}.")
        for place, entry in enumerate(value if isinstance(value, list) else []):
            if isinstance(entry, dict):
                yield from _unknown(entry, inner, f"{path}{key}[{place}].")


def _fields(model: Any) -> Iterator[tuple[str, Any]]:
    for name, field in model.model_fields.items():
        yield name, field
        for alias in (field.alias, field.validation_alias):
            for other in getattr(alias, "choices", None) or [alias]:
                if isinstance(other, str):
                    yield other, field


def _inner(key: str, annotation: Any) -> list[Any]:
    """The models that a value of this key may be of."""
    from axolotl.utils.schemas.datasets import PretrainingDataset, SFTDataset
    from pydantic import BaseModel

    named = {"datasets": [SFTDataset], "test_datasets": [SFTDataset]}
    if key == "pretraining_dataset":
        return [PretrainingDataset, SFTDataset]
    if key in named:
        return named[key]
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in _inner("", part)]


def _choices(recipe: dict[str, Any]) -> Iterator[Fault]:
    """Values that axolotl takes as any text and that fail, or are ignored, hours later."""
    from axolotl.utils.schemas.enums import CustomSupportedOptimizers
    from transformers.trainer_utils import HubStrategy, SaveStrategy, SchedulerType
    from transformers.training_args import OptimizerNames

    known = {
        "lr_scheduler": {one.value for one in SchedulerType} | {"one_cycle", "rex"},
        "optimizer": {one.value for names in (OptimizerNames, CustomSupportedOptimizers) for one in names}
        | {"adamw_8bit"},
        "hub_strategy": {one.value for one in HubStrategy},
        "save_strategy": {one.value for one in SaveStrategy},
    }
    for key, values in known.items():
        if (given := recipe.get(key)) is not None and given not in values:
            yield Fault(key, f"{given!r} is not known", _near(str(given), sorted(values)))


def _datasets(recipe: dict[str, Any]) -> Iterator[Fault]:
    for place, entry in enumerate(recipe.get("datasets") or []):
        name = entry.get("type") if isinstance(entry, dict) else None
        if not isinstance(name, str):
            continue
        module = name.split(":")[0].split(".")[0]
        if module not in BUILT_IN and importlib.util.find_spec(f"axolotl.prompt_strategies.{module}") is None:
            cure = _near(module, [*_strategies(), *BUILT_IN])
            yield Fault(f"datasets[{place}].type", f"{name!r} is no way of reading a dataset", cure)
        if module == "chat_template" and entry.get("train_on_eos", "turn") not in ("turn", "all"):
            yield Fault(f"datasets[{place}].train_on_eos", "the end of an answer is not trained", "set it to turn")


def _strategies() -> list[str]:
    import pkgutil

    import axolotl.prompt_strategies

    return [module.name for module in pkgutil.iter_modules(axolotl.prompt_strategies.__path__)]


def _combinations(recipe: dict[str, Any]) -> Iterator[Fault]:
    """Keys that are sound alone."""
    if recipe.get("pretraining_dataset") and recipe.get("datasets"):
        yield Fault(
            "pretraining_dataset", "beside datasets axolotl drops datasets in silence", "make it a completion entry"
        )
    if recipe.get("deepspeed") and (recipe.get("fsdp_config") or recipe.get("fsdp")):
        yield Fault("deepspeed", "together with fsdp_config", "choose one of the two")
    if recipe.get("sample_packing") and recipe.get("attn_implementation") not in ISOLATING:
        yield Fault("sample_packing", "packed texts would see one another", "set attn_implementation: sdpa")
    if recipe.get("hub_model_id"):
        fault = "axolotl would push a private repository at each save"
        yield Fault("hub_model_id", fault, "publish with dskill publish")
    if recipe.get("chat_template", "tokenizer_default") != "tokenizer_default" and not recipe.get("eot_tokens"):
        fault = "missing: where the turn ends otherwise than a text, no end is trained"
        yield Fault("eot_tokens", fault, "name the token")
    if not any(recipe.get(key) is not None for key in ("bf16", "fp16", "bfloat16", "float16")):
        yield Fault("bf16", "unset means fp16 on a machine without bf16", "set it to true or false")


def _turn_end(recipe: dict[str, Any]) -> Iterator[Fault]:
    """End-of-turn tokens that the chat template never writes: the real end would not be trained."""
    from axolotl.utils.chat_templates import get_chat_template

    name, tokens = recipe.get("chat_template"), recipe.get("eot_tokens") or []
    if not isinstance(name, str) or name == "tokenizer_default":
        return
    try:
        template = get_chat_template(name, jinja_template=recipe.get("chat_template_jinja"))
    except ValueError:
        yield Fault("chat_template", f"there is no template {name!r}", "use tokenizer_default, or jinja with your own")
        return
    for token in tokens:
        if token not in template and not ("eos_token" in template and token in END_TOKENS):
            fault = f"the template {name} never writes {token!r}"
            yield Fault("eot_tokens", fault, "name the token that ends its turns")


def _schema(recipe: dict[str, Any], capabilities: dict[str, Any]) -> Iterator[Fault]:
    """What axolotl's own schema refuses."""
    from axolotl.utils.config import validate_config
    from axolotl.utils.dict import DictDefault
    from pydantic import ValidationError

    try:
        validate_config(DictDefault(recipe), capabilities, {"torch_version": "2.13.0"})
    except ValidationError as error:
        for fault in error.errors():
            yield Fault(".".join(map(str, fault["loc"])), fault["msg"], "see axolotl config-schema")
    except Exception as error:  # the schema's own validators raise what they like
        yield Fault("", str(error).strip().splitlines()[0][:300], "see axolotl config-schema")


def _near(name: str, known: list[str]) -> str:
    found = difflib.get_close_matches(name, known, 1)
    return f"did you mean {found[0]!r}?" if found else f"known: {', '.join(known[:8])}, ..."


def main() -> None:
    """Reads {"file", "recipe", "gpus", "compute_capability"} as JSON lines, and prints faults as JSON lines."""
    for line in sys.stdin:
        job = json.loads(line)
        capabilities = {"bf16": True, "fp8": True, "tf32": True, "n_gpu": job["gpus"]}
        capabilities["compute_capability"] = job["compute_capability"]
        with contextlib.redirect_stdout(io.StringIO()):
            faults = list(check(job["recipe"], capabilities))
        for fault in faults:
            print(json.dumps({"file": job["file"], **fault._asdict()}), flush=True)


if __name__ == "__main__":
    main()
