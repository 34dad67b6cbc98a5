"""Real clients of the loopback Hub, each in a process of its own that can be killed.

huggingface_hub and datasets read HF_ENDPOINT and HF_HUB_DISABLE_XET when they are imported, and their import takes
seconds. So one process for each mode imports them once, and forks for each job; a job's caches are fresh.

    with Clients(hub.url, xet=False) as clients:
        clients.run("publish", folder, "dskill/mix")                 # the command line: exit code, output, errors
        clients.call(function_of_a_test_module, name="dskill/mix")   # its result, or Failed
"""

import contextlib
import importlib
import json
import os
import pickle
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, Self

ROOT = Path(__file__).resolve().parents[2]
PATHS = [ROOT, *(ROOT / "tests" / part for part in ("hub", "datasets_builder", "llm"))]
TIMEOUT = 120.0  # seconds
PRELOADED = (  # what takes long to import, but for hf_xet: it may begin threads, which a fork does not take along
    "dskill",
    "datasets_builder.publish",
    "datasets.packaged_modules.parquet.parquet",
    "huggingface_hub.hf_api",
    "huggingface_hub.hf_file_system",
    "loopback_hub",
    "pytest",
)


class Failed(Exception):
    """A function raised: ``kind`` is the name of the exception, the text is its own."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(f"{kind}: {text}")
        self.kind = kind


class Ended(NamedTuple):
    """A command that is over."""

    code: int
    out: str
    err: str


class Job:
    """One process, by the folder that it writes its output to."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def over(self) -> bool:
        """Whether it ended, or was killed."""
        return (self.folder / "code").exists()

    def kill(self) -> None:
        """kill -9, if it still runs."""
        while not (self.folder / "pid").exists():
            time.sleep(0.002)
        with contextlib.suppress(ProcessLookupError):
            os.kill(int((self.folder / "pid").read_text()), signal.SIGKILL)
        self.wait()

    def wait(self) -> Ended:
        """Waits for its end."""
        limit = time.monotonic() + TIMEOUT
        while not self.over:
            if time.monotonic() > limit:
                raise TimeoutError(f"after {TIMEOUT} s: {(self.folder / 'err').read_text()[-2000:]}")
            time.sleep(0.005)
        out, err = ((self.folder / name).read_text() for name in ("out", "err"))
        return Ended(int((self.folder / "code").read_text()), out, err)


class Clients:
    """Starts jobs; ``token`` is theirs unless a job's environment has another."""

    def __init__(self, url: str, *, xet: bool, token: str | None = "hf_alice") -> None:
        self._home = tempfile.TemporaryDirectory(prefix="hub-clients-")
        self._token, self._count = token, 0
        self.env = {key: value for key, value in os.environ.items() if not key.startswith(("HF_", "HUGGING"))}
        self.env |= {"HF_ENDPOINT": url, "HF_HOME": f"{self._home.name}/hf", "PYTHONPATH": ":".join(map(str, PATHS))}
        self.env |= {"HF_HUB_DISABLE_XET": str(int(not xet)), "HF_HUB_DISABLE_TELEMETRY": "1", "OMP_NUM_THREADS": "1"}
        self.env |= {"HF_HUB_DISABLE_UPDATE_CHECK": "1", "NO_COLOR": "1"}
        self.env["TMPDIR"] = self._home.name  # who is killed leaves files there

    def __enter__(self) -> Self:
        command = [sys.executable, __file__]
        self._process = subprocess.Popen(
            command, env=self.env, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()
        self._home.cleanup()

    def start(self, *arguments: object, env: dict[str, str | None] | None = None, cwd: Path | None = None) -> Job:
        """Begins ``dskill`` with these arguments."""
        return self._start({"argv": list(map(str, arguments)), "env": env or {}, "cwd": str(cwd or ROOT)})

    def run(self, *arguments: object, env: dict[str, str | None] | None = None, cwd: Path | None = None) -> Ended:
        """``dskill`` with these arguments, to its end."""
        return self.start(*arguments, env=env, cwd=cwd).wait()

    def begin(self, function: Callable[..., Any], *, env: dict[str, str | None] | None = None, **given: Any) -> Job:
        """Begins a function of a module; its arguments and its result must be plain."""
        name = [function.__module__, function.__qualname__]
        return self._start({"call": name, "given": given, "env": env or {}, "cwd": str(ROOT)})

    def call(self, function: Callable[..., Any], *, env: dict[str, str | None] | None = None, **given: Any) -> Any:
        """A function of a module, to its end: its result.

        Raises:
            Failed: It raised.
        """
        return result(self.begin(function, env=env, **given))

    def _start(self, job: dict[str, Any]) -> Job:
        self._count += 1
        folder = Path(self._home.name, "jobs", str(self._count))
        folder.mkdir(parents=True)
        job = {**job, "folder": str(folder), "env": {"HF_TOKEN": self._token, **job["env"]}}
        assert self._process.stdin
        self._process.stdin.write(json.dumps(job) + "\n")
        self._process.stdin.flush()
        return Job(folder)


def result(job: Job) -> Any:
    """What a function returned, once its process is over.

    Raises:
        Failed: It raised.
    """
    ended = job.wait()
    if ended.code:
        kind, _, text = ended.err.strip().rpartition("\n\v")[2].partition(": ")
        raise Failed(kind, text if ended.code == 1 else f"exit code {ended.code}")
    return pickle.loads((job.folder / "result").read_bytes())


def main() -> None:
    """Forks for each job that stands in a line of the standard input."""
    for name in PRELOADED:
        importlib.import_module(name)
    for line in sys.stdin:
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for a supervisor
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.setsid()
            supervise(json.loads(line))


def supervise(job: dict[str, Any]) -> None:
    """Forks the job itself, and writes down how it ended."""
    folder = Path(job["folder"])
    worker = os.fork()
    if worker == 0:
        work(job, folder)
    (folder / "pid.new").write_text(str(worker))
    os.replace(folder / "pid.new", folder / "pid")
    code = os.waitstatus_to_exitcode(os.waitpid(worker, 0)[1])
    (folder / "code.new").write_text(str(code))
    os.replace(folder / "code.new", folder / "code")
    os._exit(0)


def work(job: dict[str, Any], folder: Path) -> None:
    """The job, with its output in files and caches that nobody has used."""
    for number, name in enumerate((os.devnull, folder / "out", folder / "err")):
        os.dup2(os.open(name, os.O_RDWR | os.O_CREAT), number)
    os.environ.update({key: value for key, value in job["env"].items() if value is not None})
    os.chdir(job["cwd"])
    huggingface_hub, datasets = sys.modules["huggingface_hub"], sys.modules["datasets"]
    huggingface_hub.constants.HF_HUB_CACHE = str(folder / "cache")
    datasets.config.HF_DATASETS_CACHE = str(folder / "datasets")
    code = 0
    try:
        if "argv" in job:
            sys.argv = ["dskill", *job["argv"]]
            sys.modules["dskill"].main()
        else:
            function = getattr(importlib.import_module(job["call"][0]), job["call"][1])
            (folder / "result").write_bytes(pickle.dumps(function(**job["given"])))
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    except BaseException as error:
        traceback.print_exc()
        print(f"\n\v{type(error).__name__}: {error}", file=sys.stderr)
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
