"""The command line: its verbs stand in verbs/, its errors are one line each."""

import os
import sys

import typer

from verbs import contributions, data, evaluation, judges, training

app = typer.Typer(
    help="Make, fine-tune on and measure DSKILL-MIX(k): texts that compose k language skills.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # brackets in a help text, such as [default: ...], are no markup
)
for verbs in (data, training, evaluation, judges, contributions):
    app.add_typer(verbs.app)

INTERRUPTED = 130  # exit code after Ctrl-C or SIGTERM


def main() -> None:
    """Entry point: a mistake is one line and its exit code, never a traceback (``DSKILL_DEBUG=1`` shows it)."""
    from datasets_builder.skillmix.errors import DskillError

    try:
        app(standalone_mode=True)
    except SystemExit as end:
        if end.code == INTERRUPTED:  # typer makes this of a KeyboardInterrupt, and says nothing
            print("stopped; the same command continues", file=sys.stderr)
        raise
    except DskillError as error:
        if os.environ.get("DSKILL_DEBUG"):
            raise
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
