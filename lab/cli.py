"""The command line: which commands there are, and how an error ends. Each command is a module of ``lab.commands``."""

from __future__ import annotations

import importlib
import sys
from typing import NoReturn

import click

import lab
from lab.errors import MEANINGS, ExitCode, LabError, is_unreadable, of_the_system

EXIT_CODES = "\b\nExit codes:\n" + "\n".join(f"  {int(code):<4}{meaning}" for code, meaning in MEANINGS.items())

LONGEST_SUMMARY = 1000  # characters; click cuts off at 45 unless it is asked for more

# Name -> module of lab.commands. Its `command` is the click command; its own
# imports are late where they are slow: `--help` must not pay for pandas and matplotlib.
COMMANDS = {
    "list": "list",
    "plan": "plan",
    "run": "run",
    "report": "report",
    "compare": "compare",
    "fit": "fit",
    "advise": "advise",
    "merge": "merge",
    "reproduce": "reproduce",
    "import": "import_streams",
    "export": "export",
    "doctor": "doctor",
    "selfcheck": "selfcheck",
    "bench": "bench",
    "images": "images",
    "clean": "clean",
    "docs": "docs",
}


def main() -> NoReturn:
    """Entry point: every error the user can act upon is one sentence and an exit code, never a traceback."""
    _speak_utf8()
    try:
        code = cli.main(standalone_mode=False, prog_name="python -m lab")
    except LabError as error:
        _complain(str(error))
        code = error.exit_code
    except click.UsageError as error:
        asked = error.ctx.command_path if error.ctx else "python -m lab"
        _complain(f"{error.format_message().rstrip('.')}; see: {asked} --help")
        code = ExitCode.USAGE
    except click.ClickException as error:
        _complain(error.format_message())
        code = ExitCode.USAGE
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output has gone; there is nobody to tell
        code = ExitCode.DONE
    except OSError as error:
        _complain(of_the_system(error))
        code = ExitCode.BAD_FILES if is_unreadable(error) else ExitCode.USAGE
    except (click.Abort, KeyboardInterrupt):
        _complain("stopped before the first cell; nothing was measured")
        code = ExitCode.INTERRUPTED
    sys.exit(int(code) if isinstance(code, int) else 0)


class Commands(click.Group):
    """A group whose commands are imported when one is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order of the contract."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """One command, or None where there is none of that name."""
        del ctx
        if cmd_name in COMMANDS:
            command: click.Command = importlib.import_module(f"lab.commands.{COMMANDS[cmd_name]}").command
            return command
        return None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write every command with the whole first sentence of its help, wrapped and never cut off."""
        commands = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        rows = [(name, command.get_short_help_str(limit=LONGEST_SUMMARY)) for name, command in commands if command]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


@click.group(
    cls=Commands,
    epilog=EXIT_CODES,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.version_option(lab.__version__, prog_name="comparison lab")
def cli() -> None:
    """What does Python multiprocessing cost: on this machine, in this container, on this Python?

    \b
    Example:
      python -m lab run --profile smoke
    """


def _complain(text: str) -> None:
    print(f"lab: {text}", file=sys.stderr)


def _speak_utf8() -> None:
    """A Windows console in cp1252 cannot show what the lab writes; replace what it cannot rather than fail."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
