"""A row's conversation with a model: request by request, asked alone or in batches, and what a failure does to the row.

Example: a Task yields the messages of its first request, is sent the ``Reply``, and returns the row's columns:

    reply = yield self.format_input(row)
    return {"text": reply.text}
"""

from collections.abc import Generator
from typing import Any, Literal, NamedTuple

from datasets_builder.models import WITHHELD
from datasets_builder.quiet_distilabel import Task
from datasets_builder.skillmix.errors import DskillError

Row = dict[str, Any]
Reason = Literal[
    "failed",  # the request itself, or the reading of its answer
    "empty",  # the teacher answered without a text
    "refused",  # the teacher, or its provider's filter, declined to write
    "too_long",  # more sentences than the limit: rejected before any grade is paid
    "names_skill",  # the text says the name of a skill: rejected before any grade is paid
    "unreadable",  # no majority of votes could be read
    "missed_skill",  # graded, and short of full marks; the first criterion missed names the reason
    "missed_topic",
    "missed_sense",
    "missed_length",
    "contaminated",  # an evaluation has the combination (rejected before anything is paid), or words of the text
    "duplicate",  # another row has the same text, or one too like it
]

STOPPED = "stopped"  # in place of a reason: the run ends with the detail for its error
MAX_DETAIL = 300  # characters; an error may quote a whole request

Messages = list[dict[str, str]]


class Reply(NamedTuple):
    """A model's answer, or why there is none."""

    text: str | None
    error: str | None = None


Talk = Generator[Messages, Reply, Row]  # yields each request of a row, is sent the reply, returns the columns


def rejection(reason: Reason, detail: str) -> Row:
    """The two columns that reject a row."""
    return {"reason": reason, "detail": detail[:MAX_DETAIL]}


async def answer(task: Task, row: Row) -> Row:
    """One row through one Task; a row with a reason passes unpaid, a failure becomes the reason of this row alone.

    Both runners come through here, so that they give the same rows. All outputs of the Task are there afterwards, None
    where there is no value: distilabel takes the columns of a batch from its first row.

    Raises:
        DskillError: What stops the whole run: the budget is spent, or the provider does not take the key.
    """
    talk = Conversation(task, row)
    while talk.request is not None:
        talk.hear(await _ask(task, talk.request))
    return talk.row


async def answer_elsewhere(task: Task, row: Row) -> Row:
    """As ``answer``, in a process that no error leaves with its words: the row carries what stops the run."""
    try:
        return await answer(task, row)
    except DskillError as error:
        return {**dict.fromkeys(task.get_outputs()), **row, "reason": STOPPED, "detail": str(error)}


class Conversation:
    """A row on its way through a Task, request by request; ``row`` is finished once there is no ``request`` left."""

    def __init__(self, task: Task, row: Row) -> None:
        self.task, self.row = task, {**dict.fromkeys(task.get_outputs()), **row}
        self.request: Messages | None = None
        if not self.row.get("reason"):
            self._talk: Talk = task.talk(self.row) if hasattr(task, "talk") else _talk_once(task, self.row)
            self.hear(None)

    def hear(self, reply: Reply | None) -> None:
        """Goes on to the next request; None begins."""
        try:
            self.request = next(self._talk) if reply is None else self._talk.send(reply)
        except StopIteration as end:
            self._end(end.value)
        except Exception as error:  # prompts and readers meet the text of a foreign model
            self._end(rejection("failed", f"{self.task.name}: {type(error).__name__}: {error}"))

    def _end(self, columns: Row) -> None:
        self.request, self.row = None, self.row | columns


async def _ask(task: Task, request: Messages) -> Reply:
    options = task.llm.get_generation_kwargs() or {}
    try:
        return _reply_in(await task.llm.agenerate(input=request, num_generations=1, **options))
    except DskillError:
        raise
    except Exception as error:  # the request of a foreign model can fail in any way
        return Reply(None, f"{type(error).__name__}: {error}")


def ask_all(task: Task, requests: list[Messages]) -> list[Reply]:
    """A batch of requests to a model that is not asynchronous; one by one where the batch fails."""
    options = task.llm.get_generation_kwargs() or {}
    try:
        given = task.llm.generate_outputs(inputs=requests, num_generations=1, **options)
        return [_reply_in(one) for one in given]
    except DskillError:
        raise
    except Exception as error:
        if len(requests) == 1:
            return [Reply(None, f"{type(error).__name__}: {error}")]
        return [reply for request in requests for reply in ask_all(task, [request])]


def _reply_in(given: Row) -> Reply:
    """The one generation in a distilabel output; our own LLM says under ``errors`` why there is none."""
    return Reply(given["generations"][0], (given.get("errors") or [None])[0])


def _talk_once(task: Task, row: Row) -> Talk:
    """Any other Task of distilabel's: one request, one reply."""
    reply = yield task.format_input(row)
    if reply.error:
        return without_answer(task, reply)
    columns: Row = task.format_output(reply.text, row)
    return {name: [value] for name, value in columns.items()} if task.group_generations else columns


def without_answer(task: Task, reply: Reply) -> Row:
    return rejection("refused" if reply.error == WITHHELD else "failed", f"{task.name}: {reply.error}")
