"""A reference read, claims.json made from it, and read as what its sources give."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from mmlu_kit.claims import audit, predicates
from mmlu_kit.claims.document import ClaimResult, ClaimsFile, NumberResult
from mmlu_kit.claims.reference import Published
from mmlu_kit.claims.reference_claims import Claims
from mmlu_kit.evaluation.records import Evaluation, NotRun
from mmlu_kit.results.merged import Merged
from mmlu_kit.user_errors import UserError

FILES = ("published.yaml", "claims.yaml")


def reference(folder: Path) -> tuple[Published, Claims]:
    """Return the published numbers and claims in a folder. Raises UserError, in one line, if they are missing or damaged."""
    for name in FILES:
        if not (folder / name).exists():
            raise UserError(f"{folder}/{name} does not exist: a reference has published.yaml and claims.yaml")
    published, claims = Published.read_yaml(folder / FILES[0]), Claims.read_yaml(folder / FILES[1])
    for claim in claims.claims:
        predicates.check(claim, f"{folder}/{FILES[1]}")
    return published, claims


def make(merged: Merged, folder: Path, outcomes: Iterable[Evaluation | NotRun] = ()) -> ClaimsFile:
    """Return the content of claims.json; `folder` is the reference, `outcomes` are what merged.json is of."""
    return audit.audit(merged, *reference(folder), outcomes)


def read(path: Path, merged: Merged, folder: Path, outcomes: Iterable[Evaluation | NotRun] = ()) -> ClaimsFile:
    """Return a study's claims.json. Raises UserError if it is not what its sources give, which is a matter of seconds."""
    claims, again = ClaimsFile.read(path), make(merged, folder, outcomes)
    if claims == again:
        return claims
    entries, expected = _by_id(claims), _by_id(again)
    differing = next((name for name in {**expected, **entries} if entries.get(name) != expected.get(name)), "the study")
    raise UserError(f"{path} was changed after it was made, or its sources were ({differing}); delete it and run again")


def _by_id(claims: ClaimsFile) -> Mapping[str, ClaimResult | NumberResult]:
    return {**{claim.id: claim for claim in claims.claims}, **{number.id: number for number in claims.numbers}}
