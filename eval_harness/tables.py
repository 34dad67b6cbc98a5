"""Tables and lines of the terminal; what models, runs and catalogues send there can do nothing to it."""

from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from datasets_builder.skillmix.listing import printable

PLAIN_WIDTH = 150  # of what is not shown on a terminal
ROOMY = 100  # columns of a terminal from which on those of a table stand two apart


def show_table(console: Console, left: Sequence[str], right: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """One table: columns of words, then columns of numbers."""
    wide = widen(console)
    table = Table(box=None, pad_edge=False, collapse_padding=wide.width < ROOMY)
    for name in left:
        table.add_column(safe(name), overflow="fold")
    for name in right:
        table.add_column(safe(name), justify="right", overflow="fold")
    for row in rows:
        table.add_row(*(safe(cell) for cell in row))
    wide.print(table)


def say(console: Console, *lines: str) -> None:
    """Lines that are cut nowhere."""
    for line in lines:
        widen(console).print(safe(line), soft_wrap=True)


def safe(value: object) -> Text:
    """A value on one line, as plain characters: no markup, no control characters."""
    return Text(printable(" ".join(str(value).split())))


def widen(console: Console) -> Console:
    """The terminal, or where there is none a console that is wide enough for every table."""
    return console if console.is_terminal else Console(file=console.file, width=PLAIN_WIDTH)


def points(value: float) -> str:
    """A difference of shares in percentage points: ``+6.3``."""
    return f"{100 * value:+.1f}"


def bounds(low: float | None, high: float | None) -> str:
    """``[3.1, 9.6]``, in percent; a dash where there is no interval."""
    return "-" if low is None or high is None else f"[{100 * low:.1f}, {100 * high:.1f}]"


def p_text(p_value: float) -> str:
    """A p-value to three digits; ``<0.001`` below."""
    return "<0.001" if p_value < 0.001 else f"{p_value:.3f}"
