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

from datasets_builder.skillmix.errors import UsageError, near

_hook = sys.excepthook  # distilabel installs rich tracebacks with show_locals, which would print keys and data
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import distilabel.models.llms as stock_llms
    from distilabel.models.llms import LLM, AsyncLLM
    from distilabel.pipeline import Pipeline
    from distilabel.steps import GlobalStep, Step, StepInput
    from distilabel.steps.tasks import Task
sys.excepthook = _hook
warnings.filterwarnings("ignore", category=UnsupportedFieldAttributeWarning)  # again for every subclass of a Step
logging.getLogger("distilabel").setLevel(logging.WARNING)
logging.getLogger("distilabel.distiset").setLevel(logging.ERROR)  # it warns of an interrupt, which we tell ourselves
os.environ.setdefault("DISTILABEL_LOG_LEVEL", "WARNING")  # of the processes of its runners; at INFO every request shows

__all__ = ["LLM", "AsyncLLM", "GlobalStep", "Pipeline", "Step", "StepInput", "Task", "find_stock", "no_progress_bars"]

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
