"""What the commands of `etna` print with."""

import sys

from rich.console import Console
from rich.table import Table

console = Console(highlight=False, width=None if sys.stdout.isatty() else 160)


def table(*headings: str) -> Table:
    """A table without lines, its headings bold."""
    return Table(*headings, box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
