"""Reads a report's tables and cells, and the plan of a dry run."""

import re

from mmlu_kit.report.file_reference import FilePattern


def tables(report, heading):
    """Return the tables between a heading and the next, each a list of rows of cells, without bold marks."""
    found, rows = [], []
    for line in [*re.split(r"^#+ ", report.split(f"{heading}\n", 1)[1], maxsplit=1, flags=re.M)[0].splitlines(), ""]:
        if line.startswith("|"):
            rows.append([cell.strip().replace("**", "") for cell in line.strip("|").split("|")])
        elif rows:
            found.append([rows[0], *rows[2:]])
            rows = []
    return found


def listed_files(report):
    """Return the patterns of a report's File Reference, and check that single files are links."""
    (rows,) = tables(report, "## File Reference")
    patterns = []
    for name, count, description in rows[1:]:
        pattern, link = re.fullmatch(r"\[?`(.+?)`(?:\]\((.+)\))?", name).groups()
        assert link == (None if re.search("[<…]", pattern) else pattern), name
        patterns.append(FilePattern(pattern, description, int(count)))
    return patterns


def percent(fraction):
    """Format a fraction as in a cell."""
    return f"{100 * fraction:.1f}%"


def shows(cell, seconds):
    """Return whether a cell has this duration, rounded to the cell's digits."""
    number, unit = cell.split()
    digits = len(number.partition(".")[2])
    difference = float(number) - seconds / {"s": 1, "min": 60, "h": 3600}[unit]
    return abs(difference) <= 0.5 * 10**-digits + 1e-9


def planned(snakemake, folder, *arguments):
    """Return the rules and their numbers of jobs in a dry run."""
    process = snakemake(folder, "--cores", "1", "--dry-run", "--quiet", "host", *arguments)
    assert process.returncode == 0, process.stdout + process.stderr
    stats = process.stdout.split("Job stats:", 1)[-1].split("total", 1)[0]
    return {name: int(count) for name, count in re.findall(r"^(\w+)\s+(\d+)$", stats, re.M)}
