"""claims.json as text for a terminal."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from mmlu_kit import formatting
from mmlu_kit.claims import reading as audits
from mmlu_kit.claims.document import ClaimsFile, ClaimVerdict, NumberResult, NumberVerdict, Unit
from mmlu_kit.results import study_results
from mmlu_kit.results.merged import Merged
from mmlu_kit.user_errors import UserError

Verdict = TypeVar("Verdict", NumberVerdict, ClaimVerdict)


# What claims.json is made from in a study's results, by way of merged.json.
_MEASURED = (
    *("setups.json", "stability.json", "chat.json", "evaluations/*/*.json", "timings/*/*.json"),
    *("elsewhere/*/evaluations/*/*.json", "elsewhere/*/timings/*/*.json"),
)


def print_claims(results: Path, resources: Path, reference: Path | None = None, locate: Callable[[str], str] = str) -> None:
    """Print a study's claims.json, and a line if it is out of date. Raises UserError if it is missing or damaged.

    `resources` is the folder of the questions and manifests that results are compared with as far as they are there,
    `reference` that of the published numbers and claims: by default the study's, which `locate` finds.
    """
    path = results / "claims.json"
    if not path.is_file():
        if _has_no_reference(results):
            raise UserError(
                f"{results}: the study has no reference to compare with: name a folder as its `reference` in config"
            )
        raise UserError(f"{path} does not exist: run the study with {_command(results)}")
    claims = ClaimsFile.read(path)
    print(text(claims))
    problem = _older(path, results) or _differs(claims, results, resources, reference, locate)
    if problem:
        print(f"\nOUT OF DATE: {problem}; to check the claims again, run {_command(results)}")


def _has_no_reference(results: Path) -> bool:
    """Whether the study ran, and without a reference."""
    path = results / "merged.json"
    return path.is_file() and Merged.read(path).study.reference is None


def _older(path: Path, results: Path) -> str | None:
    """Why claims.json at `path` is out of date by the times of files; None if it is not."""
    measured = [file for pattern in _MEASURED for file in sorted(results.glob(pattern))]
    for file in [results / "merged.json", *measured]:
        if not file.is_file():
            return f"{file} is missing"
        if file.stat().st_mtime_ns > path.stat().st_mtime_ns:
            return f"{file} is newer than {path}"
    return None


def _differs(
    claims: ClaimsFile, results: Path, resources: Path, reference: Path | None, locate: Callable[[str], str]
) -> str | None:
    """Why claims.json is not what its sources give now, which is a matter of seconds; None if it is."""
    try:
        checked = study_results.checked_folder(results, resources)
        name = checked.merged.study.reference
        if not reference and (not name or name.startswith("…")):
            return f"the results name no reference that can be found ({name or 'none'}): name its folder with --reference"
        folder = reference or Path(locate(name or ""))
        again = audits.make(checked.merged, folder, checked.outcomes)
    except UserError as error:
        return str(error)
    return None if again == claims else f"the results, the published numbers or the claims of {folder} have changed since"


def _command(results: Path) -> str:
    """The command that makes claims.json."""
    return f"`snakemake --cores 8 --config study={results.absolute().name} --until audit_claims`"


def text(claims: ClaimsFile) -> str:
    """Return the whole listing: numbers by section, those not run by reason, claims, counts."""
    numbers = sorted(claims.numbers, key=lambda number: number.section)
    ran = [number for number in numbers if number.run is not None]
    reasons = Counter(number.reason for number in numbers if number.run is None)
    head = [("number", "published", "this run", "verdict", "first stage that differs, and how")] if ran else []
    lines = ["NUMBERS", *formatting.columns([*head, *map(_cells, ran)])]
    lines += [f"not run, {formatting.plural(count, 'number')}: {reason}" for reason, count in reasons.items()]
    lines += ["", "CLAIMS"]
    for claim in claims.claims:
        lines.append(f"{claim.section}. {claim.text}" if claim.section else claim.text)
        lines += [f"   tested: {claim.tested}"] if claim.tested else []
        lines.append(f"   by the published numbers: {claim.published.verdict} ({claim.published.evidence})")
        lines.append(f"   by this run: {claim.run.verdict} ({claim.run.evidence})")
    if not claims.same_models:
        lines += ["", f"The study {claims.study} has none of the models of {claims.publication.name}."]
    return "\n".join([*lines, "", counts(claims)])


def counts(claims: ClaimsFile) -> str:
    """Return the numbers of verdicts on numbers and claims, in three lines."""
    numbers = Counter(number.verdict for number in claims.numbers)
    by_published = Counter(claim.published.verdict for claim in claims.claims)
    by_run = Counter(claim.run.verdict for claim in claims.claims)
    return "\n".join(
        [
            f"{len(claims.numbers)} published numbers: {_listed(numbers, list(NumberVerdict))}",
            f"{len(claims.claims)} claims by the published numbers: {_listed(by_published, list(ClaimVerdict))}",
            f"{len(claims.claims)} claims by this run: {_listed(by_run, list(ClaimVerdict))}",
        ]
    )


def _listed(counted: Mapping[Verdict, int], verdicts: Sequence[Verdict]) -> str:
    return ", ".join(f"{counted[verdict]} {verdict}" for verdict in verdicts)


def _cells(number: NumberResult) -> tuple[str, ...]:
    """Return a number's cells in the table."""
    interval = (
        "" if number.low == number.high else f" ({_value(number.low, number.unit)} to {_value(number.high, number.unit)})"
    )
    differs = number.verdict == NumberVerdict.DIFFERS
    where = ": ".join(filter(None, (number.stage, number.reason))) if differs else ""
    published, here = _value(number.published, number.unit), _value(number.run, number.unit)
    return number.what, published, here + interval, number.verdict, where


def _value(number: float | None, unit: Unit) -> str:
    """Return a number with its unit."""
    value = formatting.quantity(number, unit)
    return f"{value} {unit}" if unit in ("questions", "tokens") else value
