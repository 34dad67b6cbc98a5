"""What Inspect finds through the entry point ``dskill``: the task ``dskill/skillmix`` and the provider ``folder``."""

from inspect_ai.model import ModelAPI, modelapi

from eval_harness.task import skillmix

__all__ = ["folder", "skillmix"]


@modelapi(name="folder")
def folder() -> type[ModelAPI]:
    """Checkpoint folders. Torch is imported when one is used, not whenever Inspect looks for its extensions."""
    from eval_harness.provider import FolderAPI

    return FolderAPI
