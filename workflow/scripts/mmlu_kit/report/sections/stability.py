"""The appendix on numerical stability."""

from dataclasses import dataclass

from mmlu_kit import formatting
from mmlu_kit.formatting import plural
from mmlu_kit.report.cells import NOT_KNOWN, Row, Rows, listed
from mmlu_kit.results.stability import Batching, RunSettings, StabilityComparison, StabilityFile
from mmlu_kit.settings import DType

SHOWN = ("dtype", "batching", "threads")


@dataclass(frozen=True)
class StabilitySection:
    """Comparisons of runs that differ in one setting, and how many answers each setting changed."""

    model: str
    questions: int
    subjects: str
    runs: int
    comparisons: Rows
    findings: list[str]


def section(stability: StabilityFile | None) -> StabilitySection | None:
    """Return the appendix, None if stability was not measured."""
    if not stability:
        return None
    return StabilitySection(
        model=stability.model,
        questions=stability.questions,
        subjects=listed(stability.subjects),
        runs=len(stability.runs),
        comparisons=[_comparison(row) for row in stability.comparisons],
        findings=[
            _in_float32(stability, "batching", "Packing"),
            _in_float32(stability, "threads", "Another number of threads"),
            _bfloat16(stability),
            *_not_packed(stability),
        ],
    )


def _comparison(row: StabilityComparison) -> Row:
    first, second = row.runs
    margins = f"{min(row.margins):.3f} to {max(row.margins):.3f}" if row.margins else NOT_KNOWN
    return [
        row.changed,
        str(getattr(first, row.changed)),
        str(getattr(second, row.changed)),
        listed(_setting(first, name) for name in SHOWN if name != row.changed),
        str(row.flips),
        f"{row.largest_difference:.1g}",
        margins,
    ]


def _setting(run: RunSettings, name: str) -> str:
    return plural(run.threads, "thread") if name == "threads" else str(getattr(run, name))


def _in_float32(stability: StabilityFile, changed: str, what: str) -> str:
    """Return how many answers a setting changed in float32."""
    flips = sum(row.flips for row in stability.comparisons if row.changed == changed and row.runs[0].dtype == DType.FLOAT32)
    return f"{what} changed {plural(flips, 'answer') if flips else 'no answer'} in float32."


def _not_packed(stability: StabilityFile) -> list[str]:
    """Say which questions of packed runs were computed in another way."""
    parts = {run.dtype: run.packing for run in stability.runs if run.batching == Batching.PACKED and run.packing.reason}
    return [f"In {dtype}, batching *packed* means: {formatting.cell(part.in_words())}." for dtype, part in parts.items()]


def _bfloat16(stability: StabilityFile) -> str:
    flips = [row.flips for row in stability.comparisons if row.changed == "dtype"]
    least, most = min(flips, default=0), max(flips, default=0)
    changed = str(least) if least == most else f"{least} to {most}"
    packed = [run for run in stability.runs if run.batching == Batching.PACKED and run.threads == 1]
    correct = listed(f"{run.correct} in {run.dtype}" for run in packed)
    return f"bfloat16 instead of float32 changed {changed} of {stability.questions} answers; {correct} were right."
