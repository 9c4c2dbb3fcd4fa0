"""What the commands of `etna` print with."""

import sys

from rich.console import Console
from rich.table import Table

console = Console(highlight=False, width=None if sys.stdout.isatty() else 160)
WHOLE = 1000
"""Characters of a line where nobody's terminal limits it."""


def table(*headings: str) -> Table:
    """A table without lines, its headings bold."""
    return Table(*headings, box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")


def show(shown: Table) -> None:
    """Print a table: in a terminal as wide as that, elsewhere (a file, a pipe) with every cell whole."""
    (console if console.is_terminal else Console(highlight=False, width=WHOLE)).print(shown)
