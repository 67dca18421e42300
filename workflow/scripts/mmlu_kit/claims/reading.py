"""claims.json made, and read as what its sources give."""

from collections.abc import Mapping
from pathlib import Path

from mmlu_kit.analysis.document import AnalysisFile
from mmlu_kit.claims import audit
from mmlu_kit.claims.document import ClaimResult, ClaimsFile, NumberResult
from mmlu_kit.claims.reference import Claims, Published
from mmlu_kit.results.merged import Merged
from mmlu_kit.user_errors import UserError


def make(merged: Merged, analysis: AnalysisFile, reference: Path) -> ClaimsFile:
    """Return the content of claims.json; `reference` is the folder with published.yaml and claims.yaml."""
    paths = reference / "published.yaml", reference / "claims.yaml"
    for path in paths:
        if not path.is_file():
            raise UserError(f"{path} does not exist: --reference is the folder workflow/reference")
    return audit.audit(merged, analysis, Published.read_yaml(paths[0]), Claims.read_yaml(paths[1]))


def read(path: Path, merged: Merged, analysis: AnalysisFile, reference: Path) -> ClaimsFile:
    """Return a study's claims.json. Raises UserError if it is not what its sources give, which is a matter of seconds."""
    claims, again = ClaimsFile.read(path), make(merged, analysis, reference)
    if claims == again:
        return claims
    entries, expected = _by_id(claims), _by_id(again)
    differing = next((name for name in {**expected, **entries} if entries.get(name) != expected.get(name)), "the study")
    raise UserError(f"{path} was changed after it was made, or its sources were ({differing}); delete it and run again")


def _by_id(claims: ClaimsFile) -> Mapping[str, ClaimResult | NumberResult]:
    return {**{claim.id: claim for claim in claims.claims}, **{number.id: number for number in claims.numbers}}
