"""The one door to distilabel, without the noise: a traceback hook that prints local data, warnings, progress bars."""

import logging
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from datasets.utils import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars
from pydantic.warnings import UnsupportedFieldAttributeWarning

_hook = sys.excepthook  # distilabel installs rich tracebacks with show_locals, which would print keys and data
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from distilabel.models.llms import AsyncLLM
    from distilabel.pipeline import Pipeline
    from distilabel.steps import GlobalStep, Step, StepInput
    from distilabel.steps.tasks import Task
sys.excepthook = _hook
warnings.filterwarnings("ignore", category=UnsupportedFieldAttributeWarning)  # again for every subclass of a Step
logging.getLogger("distilabel").setLevel(logging.WARNING)

__all__ = ["AsyncLLM", "GlobalStep", "Pipeline", "Step", "StepInput", "Task", "no_progress_bars"]


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
