"""The one door to distilabel, without the noise: a traceback hook that prints local data, warnings, progress bars."""

import importlib
import logging
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from datasets.utils import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars
from pydantic.warnings import UnsupportedFieldAttributeWarning

from datasets_builder.model_names import hide_secrets
from datasets_builder.skillmix.errors import DskillError, OutsideError, UsageError, near

_hook = sys.excepthook  # distilabel installs rich tracebacks with show_locals, which would print keys and data
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import distilabel.models.llms as stock_llms
    from distilabel.models.llms import LLM, AsyncLLM
    from distilabel.pipeline import Pipeline
    from distilabel.steps import GlobalStep, Step, StepInput
    from distilabel.steps.tasks import Task
    from distilabel.utils.logging import stop_logging
sys.excepthook = _hook
warnings.filterwarnings("ignore", category=UnsupportedFieldAttributeWarning)  # again for every subclass of a Step
logging.getLogger("distilabel").setLevel(logging.WARNING)
logging.getLogger("distilabel.distiset").setLevel(logging.ERROR)  # it warns of an interrupt, which we tell ourselves
os.environ.setdefault("DISTILABEL_LOG_LEVEL", "WARNING")  # of the processes of its runners; at INFO every request shows

__all__ = [
    "LLM",
    "AsyncLLM",
    "GlobalStep",
    "Pipeline",
    "Step",
    "StepInput",
    "Task",
    "find_stock",
    "load",
    "no_progress_bars",
    "not_loaded",
    "stop_logging",
]

STOCK = tuple(name for name in stock_llms.__all__ if name.endswith("LLM") and name not in ("LLM", "AsyncLLM"))


def find_stock(name: str) -> type[LLM]:
    """One of distilabel's LLM classes, by its name or by its import path under distilabel.models.

    Raises:
        UsageError: There is none; no other module is ever imported.
    """
    path, _, last = name.rpartition(".")
    if path and not path.startswith("distilabel.models."):
        raise UsageError(f"distilabel {name!r}: only classes under distilabel.models can be named by import path")
    try:
        found = getattr(importlib.import_module(path), last, None) if path else getattr(stock_llms, last, None)
    except ImportError as error:
        raise UsageError(f"distilabel {name!r}: {error}") from None
    known = isinstance(found, type) and issubclass(found, LLM) and found.__module__.startswith("distilabel.models.")
    if found is None or not known or found in (LLM, AsyncLLM):
        raise UsageError(f"distilabel has no model class {name!r}{near(last, STOCK)} (known: {', '.join(STOCK)})")
    stock: type[LLM] = found
    return stock


def load(step: Step) -> None:
    """Loads a step, and its model, if it has one.

    Raises:
        OutsideError: It cannot be loaded: a class of distilabel's own misses its key, its package or its weights here.
    """
    try:
        step.load()
    except DskillError:
        raise
    except Exception as error:
        raise not_loaded(f"step {step.name!r}", error) from error


def not_loaded(what: str, error: BaseException | None) -> OutsideError:
    """The error of a step that could not be loaded."""
    told = hide_secrets(" ".join(str(error).split()))
    return OutsideError(f"{what} cannot be loaded: {type(error).__name__}: {told}")


@contextmanager
def no_progress_bars() -> Iterator[None]:
    """Without the bars of ``datasets``, one for each file; the caller reports progress itself."""
    shown = not are_progress_bars_disabled()
    disable_progress_bars()
    try:
        yield
    finally:
        if shown:
            enable_progress_bars()
