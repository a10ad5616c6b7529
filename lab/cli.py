"""The command line: the list of commands, and how errors end. Each command is a module of ``lab.commands``."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import NoReturn

import click

import lab
from lab.errors import MEANINGS, ExitCode, LabError, is_unreadable, os_error_message

FIRST_STEPS = """\
python -m lab plan      show what a run would measure here, and how long it takes
python -m lab run       measure, and write the report: about ten minutes

All commands and exit codes: python -m lab --help"""

EXIT_CODES = "\b\nExit codes:\n" + "\n".join(f"  {int(code):<4}{meaning}" for code, meaning in MEANINGS.items())

MODULE = "python -m lab"  # how messages and examples name the program
SCRIPT = "comparison-lab"  # its name where it is installed

LONGEST_SUMMARY = 1000  # characters; click's default is 45, which would cut off most summaries

# Name -> module of lab.commands, whose `command` is the click command. These modules import slow packages such as
# pandas and matplotlib only inside functions, so that `--help` stays fast.
COMMANDS = {
    "list": "list",
    "plan": "plan",
    "run": "run",
    "tune": "tune",
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
    """Run the command line. An error that the user can fix ends in one line and an exit code, never in a traceback."""
    _speak_utf8()
    cli.help = as_called(cli.help or "")
    try:
        code = cli.main(standalone_mode=False, prog_name=program())
    except LabError as error:
        _complain(str(error))
        code = error.exit_code
    except click.UsageError as error:
        command = error.ctx.command_path if error.ctx else program()
        _complain(f"{error.format_message().rstrip('.')}; see: {command} --help")
        code = ExitCode.USAGE
    except click.ClickException as error:
        _complain(error.format_message())
        code = ExitCode.USAGE
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output is gone, so a message would fail too
        code = ExitCode.DONE
    except OSError as error:
        _complain(os_error_message(error))
        code = ExitCode.BAD_FILES if is_unreadable(error) else ExitCode.USAGE
    except (click.Abort, KeyboardInterrupt):
        _complain("stopped before the first cell, so nothing was measured; repeat the command to start again")
        code = ExitCode.INTERRUPTED
    sys.exit(int(code) if isinstance(code, int) else 0)


def program() -> str:
    """The program as it was called: ``comparison-lab`` where it is installed, else ``python -m lab``."""
    return SCRIPT if Path(sys.argv[0]).stem == SCRIPT else MODULE


def as_called(text: str) -> str:
    """The text with the program named as it was called, so that a command in it can be copied."""
    return text.replace(MODULE, program())


class Commands(click.Group):
    """A group that imports each command only when it is needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of the commands, in the order in which the help shows them."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command; None where no command has this name."""
        del ctx
        if cmd_name in COMMANDS:
            command: click.Command = importlib.import_module(f"lab.commands.{COMMANDS[cmd_name]}").command
            command.help = as_called(command.help or "")
            return command
        return None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write every command with the first sentence of its help, wrapped and not shortened."""
        commands = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        rows = [(name, command.get_short_help_str(limit=LONGEST_SUMMARY)) for name, command in commands if command]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


@click.group(
    cls=Commands,
    invoke_without_command=True,
    epilog=EXIT_CODES,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.version_option(lab.__version__, prog_name="comparison lab")
@click.pass_context
def cli(context: click.Context) -> None:
    """Measure what Python multiprocessing costs on this machine, in containers and on several versions of Python.

    \b
    Example:
      python -m lab run --profile smoke
    """
    if context.invoked_subcommand is None:
        print(as_called(FIRST_STEPS))


def _complain(text: str) -> None:
    print(f"lab: {as_called(text)}", file=sys.stderr)


def _speak_utf8() -> None:
    """Replace characters that the console cannot show, as on Windows with cp1252, instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
