"""Rows of CSV files of questions, which anyone may have made."""

import csv
import io
from collections.abc import Container, Sequence
from pathlib import Path

from mmlu_kit import files
from mmlu_kit.inputs import regular_files
from mmlu_kit.user_errors import UserError

MAX_BYTES = 100_000_000  # of one file; MMLU's largest has 2 MB
_NO_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars"}


def read(path: Path) -> list[list[str]]:
    """Return the rows of a CSV file, without blank lines; a file that is none raises UserError naming it and the line."""
    text = read_text(path)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        return [row for row in reader if row]
    except csv.Error as error:
        raise UserError(f"{path} is not a CSV file ({error} in line {reader.line_num}): correct its quotation marks") from None


def read_text(path: Path) -> str:
    """Return the UTF-8 text of a regular file of at most MAX_BYTES; any other raises UserError."""
    regular_files.check(path, MAX_BYTES)
    try:
        return files.read_bytes(path, MAX_BYTES).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not UTF-8 text (byte {error.start}): convert it to UTF-8") from None


def other_separator(cells: Sequence[str], numbers: Container[int]) -> str:
    """Return advice, as the end of a message, if the first cell is one of `numbers` of cells by another separator than ','."""
    other = next((mark for mark in _NO_SEPARATORS if len(cells[0].split(mark)) in numbers), None)
    return f": separate them by commas, not by {_NO_SEPARATORS[other]}" if other else ""
