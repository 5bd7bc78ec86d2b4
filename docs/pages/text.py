"""Rows and tables in Markdown."""

from collections.abc import Iterable, Sequence


def row(*cells: str) -> str:
    """One row of a table, with its line break; a bar in a cell is no border."""
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |\n"


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table with its head; an empty head is written without spaces."""
    return row(*columns) + f"|{'---|' * len(columns)}\n" + "".join(row(*cells) for cells in rows)
