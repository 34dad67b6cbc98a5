"""The card of a fine-tuned model: what it was made of, how, and how well it combines skills; with ``.eval_results``.

README.md                      header with base model, data and model-index; the card
.eval_results/skillmix.yaml    the same scores as the Hub's leaderboards read them, where a benchmark is named
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import yaml

from cards.completeness import require_complete
from cards.dataset_facts import NOT_THEIRS
from cards.evidence import tabulate, weigh
from cards.templating import render
from datasets_builder.licences import check_licence, header_of_licences
from datasets_builder.model_names import refuse_secrets
from datasets_builder.preflight_secrets import load_rules
from datasets_builder.publish_hub import check_name
from datasets_builder.skillmix.config import read_yaml
from datasets_builder.skillmix.errors import UsageError

if TYPE_CHECKING:
    from eval_harness.results import EvalRun

EVAL_RESULTS = ".eval_results/skillmix.yaml"
TAGS = ["skill-mix", "compositional-generalization", "axolotl"]
MODEL_LICENCES = (
    "llama2",
    "llama3",
    "llama3.1",
    "llama3.2",
    "llama3.3",
    "gemma",
)  # the Hub's names for what SPDX lacks
DROPPED = ("hub_", "hf_use_", "wandb_", "mlflow_", "comet_", "swanlab_", "trackio_", "push_")  # accounts, not training
PLACES = ("output_dir", "dataset_prepared_path", "resume_from_checkpoint", "logging_dir", "last_run_prepared_path")
SHOWN = [
    "adapter",
    "lora_r",
    "learning_rate",
    "lr_scheduler",
    "optimizer",
    "num_epochs",
    "max_steps",
    "micro_batch_size",
    "gradient_accumulation_steps",
    "sequence_len",
    "sample_packing",
    "warmup_steps",
    "warmup_ratio",
    "weight_decay",
    "max_grad_norm",
    "bf16",
    "seed",
]


class Trained(NamedTuple):
    """What is known of a training."""

    repository: str
    dataset: str
    revision: str
    recipe: Mapping[str, Any]  # cleaned of accounts, keys and places
    base: str  # its name
    base_on_hub: bool
    licence: Mapping[str, str]  # keys of a card's header

    @classmethod
    def of(cls, repository: str, dataset: str, recipe: Path, licence: str) -> "Trained":
        """As the command line tells it.

        Raises:
            UsageError: A name is none, the recipe cannot be read or holds a key, the licence is unknown.
        """
        name, at, revision = dataset.partition("@")
        if not at or not revision:
            raise UsageError(
                f"--dataset {dataset!a}: add the revision that was trained on, such as {name or 'org/name'}@v1.0.0"
            )
        content = read_yaml(recipe)
        if not isinstance(content, dict) or not isinstance(content.get("base_model"), str):
            raise UsageError(f"{recipe}: has no key 'base_model'; give the recipe that axolotl trained with")
        base = content["base_model"]
        on_hub = _is_on_hub(base, recipe)
        return cls(
            repository=check_name(repository),
            dataset=check_name(name),
            revision=revision,
            recipe=clean_recipe(content, recipe),
            base=base if on_hub else Path(base).name,
            base_on_hub=on_hub,
            licence=_licence(licence),
        )


def write_model_card(folder: Path, trained: Trained, results: Sequence[Path], benchmark: str | None) -> list[str]:
    """Writes the card of a model's folder; tells the files.

    Args:
        folder: Of a finished training, with ``*.safetensors``.
        trained: What is known of the training.
        results: Of ``dskill eval``: the model's own first, then those of others to compare it with.
        benchmark: The benchmark's dataset on the Hub, which ``.eval_results`` and ``model-index`` name.

    Raises:
        UsageError: The weights are no safetensors, or the results cannot be read.
    """
    from eval_harness.hub_results import dump_eval_results, dump_model_index
    from eval_harness.results import read_run

    if not list(folder.glob("*.safetensors")):
        raise UsageError(
            f"{folder}: has no *.safetensors; save the model with safe_serialization, or merge its adapter"
        )
    runs = [read_run(path) for path in results]
    index = dump_model_index(runs[0], trained.repository, check_name(benchmark)) if benchmark else ""
    text = f"---\n{_header(trained)}{index}---\n\n{render_model_card(trained, runs, benchmark)}"
    if benchmark:
        place = folder / EVAL_RESULTS
        place.parent.mkdir(exist_ok=True)
        place.write_text(dump_eval_results(runs[0], benchmark), encoding="utf-8")
    (folder / "README.md").write_text(text, encoding="utf-8")
    return ["README.md", *([EVAL_RESULTS] if benchmark else [])]


def render_model_card(trained: Trained, runs: Sequence["EvalRun"], benchmark: str | None = None) -> str:
    """The card below its header; the first run is the model's own."""
    own, others = weigh(runs[0], trained.repository), [weigh(run) for run in runs[1:]]
    card = render(
        "model_card.md",
        t=trained,
        name=trained.repository.partition("/")[2],
        recipe=yaml.safe_dump(dict(trained.recipe), sort_keys=False, allow_unicode=True).rstrip(),
        settings=[(key, trained.recipe[key]) for key in SHOWN if key in trained.recipe],
        table=tabulate([own, *others]),
        benchmark=benchmark,
        facts=runs[0].provenance,
        not_theirs=NOT_THEIRS,
    )
    return require_complete(card)


def clean_recipe(content: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """A training recipe as it may be published: without accounts and output places, files by their last name.

    Raises:
        UsageError: It holds a key or a token, which is not repeated.
    """
    kept = {key: value for key, value in content.items() if not key.startswith(DROPPED) and key not in PLACES}
    try:
        refuse_secrets(kept)
    except ValueError as error:
        raise UsageError(f"{path}: {error}") from None
    cleaned: dict[str, Any] = _shorten(kept)
    for what, _ in load_rules().find(yaml.safe_dump(cleaned, width=10**6)):
        raise UsageError(f"{path}: holds {what}; take it out, and if it is a key that works, revoke it")
    return cleaned


def _shorten(value: Any) -> Any:
    """Paths of a machine by their last name."""
    if isinstance(value, dict):
        return {key: _shorten(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_shorten(inner) for inner in value]
    if isinstance(value, str) and (value.startswith(("/", "~", "./", "../", "file:")) or "\\" in value):
        return value.replace("\\", "/").rstrip("/").rpartition("/")[2]
    return value


def _is_on_hub(base: str, recipe: Path) -> bool:
    """Whether a base model is a repository's name, and no folder of this machine."""
    try:
        check_name(base)
    except UsageError:
        return False
    return not Path(base).exists() and not (recipe.parent / base).exists()


def _licence(name: str) -> Mapping[str, str]:
    if name in MODEL_LICENCES:
        return {"license": name}
    try:
        return header_of_licences([check_licence(name)])
    except ValueError as error:
        raise UsageError(f"--licence {name!a}: {error}; or one of {', '.join(MODEL_LICENCES)}") from None


def _header(trained: Trained) -> str:
    """The YAML of a model's card, but for its model-index."""
    base = {"base_model": trained.base, "base_model_relation": "finetune"} if trained.base_on_hub else {}
    content = {
        **trained.licence,
        "language": ["en"],
        "library_name": "transformers",
        "pipeline_tag": "text-generation",
        **base,
        "datasets": [trained.dataset],
        "tags": TAGS,
    }
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
