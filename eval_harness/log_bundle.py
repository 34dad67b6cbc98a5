"""Inspect logs as a static folder with Inspect's own viewer, fit to be published: ``index.html`` opens every sample.

The events of a sample stay at home: they hold raw requests and replies of servers, and most of a log's size.
"""

import os
import re
import tempfile
from collections.abc import Sequence
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

from inspect_ai.log import EvalLog, bundle_log_dir, read_eval_log, write_eval_log

from datasets_builder.model_names import public_name
from datasets_builder.skillmix.errors import OutsideError, UsageError
from eval_harness.scrub import make_scrub, scrub_all

LEFT_OUT = {"events", "store", "timelines", "error_retries"}  # of each sample
PRIVATE = ("task_file", "model_base_url", "model_roles", "solver_args", "solver_args_passed", "sandbox", "revision")

_OWN_FOLDER = re.compile(r',\s*"abs_log_dir":\s*"(?:[^"\\]|\\.)*"')


def find_logs(folder: Path, names: Sequence[str]) -> list[Path]:
    """The logs of a run, beside its results file.

    Raises:
        UsageError: One is not there.
    """
    paths = [folder / Path(name).name for name in names]
    if missing := [path for path in paths if not path.is_file()]:
        raise UsageError(f"{missing[0]}: this log of the run is not here; put it back, or leave the logs out")
    return paths


def bundle_logs(logs: Sequence[Path], out: Path, model_id: str) -> int:
    """Writes the bundle; returns its size in bytes, 11 MB of which are the viewer.

    Args:
        model_id: Stands in place of the model's name, which may be a path.

    Raises:
        OutsideError: A log cannot be read, or Inspect cannot bundle it.
    """
    with tempfile.TemporaryDirectory() as own:
        try:
            for path in logs:
                write_eval_log(_clean(read_log(path), model_id), os.path.join(own, path.name))
            _bundle(own, out)
        except Exception as error:  # of many kinds, all about a file that is not what Inspect wrote
            raise OutsideError(f"{logs[0].parent}: the logs cannot be bundled: {error}") from error
    page = out / "index.html"
    page.write_text(_OWN_FOLDER.sub("", page.read_text(encoding="utf-8")), encoding="utf-8")
    return sum(path.stat().st_size for path in out.rglob("*") if path.is_file())


def read_log(path: Path) -> EvalLog:
    """A log with what its viewer shows of each sample: messages, scores, metadata."""
    return read_eval_log(str(path), resolve_attachments="core", exclude_fields=LEFT_OUT)


def _clean(log: EvalLog, model_id: str) -> EvalLog:
    content = log.model_dump(mode="json", exclude_none=True)
    graders = {name: public_name(name) for name in content["stats"].get("model_usage", {})}
    for name in PRIVATE:
        content["eval"].pop(name, None)
    content["eval"]["model_args"] = {}
    return EvalLog.model_validate(scrub_all(content, make_scrub(graders | {log.eval.model: model_id})))


def _bundle(logs: str, out: Path) -> None:
    """Without what Inspect says of it on the screen."""
    with redirect_stdout(StringIO()):
        bundle_log_dir(logs, str(out))
