"""A study with another paper's table: three models, two claims, and nothing else that could be compared."""

import inspect
import re

import pytest
import yaml
from mmlu_kit.claims import audit, listing, predicates, reading
from mmlu_kit.claims.document import ClaimVerdict, NumberVerdict
from mmlu_kit.report import context
from mmlu_kit.user_errors import UserError

from tests.helpers import results

TABLE = """\
schema: mmlu-kit/published/1
publication: {name: the scaling paper}
models:
  Tiny 1M: {repository: lab/tiny, parameters: 1.0e+6, device: cpu, total: 400, accuracy_percent: 30.0}
  Base 2M: {repository: lab/base, parameters: 2.0e+6, device: cpu, total: 400, accuracy_percent: 50.0}
  Large 4M: {repository: lab/large, parameters: 4.0e+6, device: cpu, total: 400, accuracy_percent: 70.0}
"""
CLAIMS = """\
schema: mmlu-kit/reference-claims/1
claims:
  - id: scaling
    text: Accuracy grows with size.
    tested: accuracy rises with every step in parameters on {device}
    predicate: rises_with_size
    with: {device: cpu}
  - id: guessing
    text: The tiny model guesses.
    predicate: at_chance
    with: {model: Tiny 1M}
"""


@pytest.fixture
def folder(tmp_path):
    """A reference of this table."""
    (tmp_path / "published.yaml").write_text(TABLE)
    (tmp_path / "claims.yaml").write_text(CLAIMS)
    return tmp_path


def run(*shares):
    """Return merged.json and questions.csv of the table's models with these numbers of right answers of 100."""
    names = ["tiny", "base", "large"]
    study = results.study(names, ["anatomy"], reference="table")
    wrong = {"A": "B", "B": "C", "C": "D", "D": "A"}
    answers = {
        name: {"anatomy": results.GOLD[:right] + "".join(wrong[letter] for letter in results.GOLD[right:])}
        for name, right in zip(names, shares, strict=True)
    }
    return results.merged(study, answers, dict(zip(names, (1_000_000, 2_000_000, 4_000_000), strict=True)))


def test_claims_are_judged_by_the_published_numbers_and_by_the_run(folder):
    claims = reading.make(run(30, 50, 70)[0], folder)
    assert claims.same_models and claims.publication.name == "the scaling paper"
    scaling, guessing = claims.claims
    assert scaling.tested == "accuracy rises with every step in parameters on cpu"
    assert (scaling.published.verdict, scaling.run.verdict) == (ClaimVerdict.HOLDS, ClaimVerdict.HOLDS)
    assert scaling.published.evidence.startswith("Tiny 1M 30.0% (")
    assert guessing.published.verdict == ClaimVerdict.DOES_NOT_HOLD  # 30% of 400: 25.7% to 34.7%
    assert reading.make(run(50, 30, 70)[0], folder).claims[0].run.verdict == ClaimVerdict.DOES_NOT_HOLD


def test_published_numbers_are_compared_over_the_studys_subjects(folder):
    numbers = {number.id: number for number in reading.make(run(30, 50, 20)[0], folder).numbers}
    assert {name.split(": ")[1] for name in numbers} == {"parameters", "questions", "accuracy over all subjects"}
    assert numbers["Base 2M: accuracy over all subjects"].verdict == NumberVerdict.REPRODUCED
    large = numbers["Large 4M: accuracy over all subjects"]
    assert (large.verdict, large.stage) == (NumberVerdict.DIFFERS, "data")
    assert large.reason == "100 questions in this run, 400 in the publication"


def test_the_report_names_the_publication_and_has_no_section_of_another(folder):
    merged, table = run(30, 50, 70)
    claims = reading.make(merged, folder)
    text = context.render(
        merged, results.analysis(merged, table), claims, results.run(merged.study), results.WORKFLOW / "report"
    )
    assert "\n## Appendix: The Scaling Paper's Claims and Numbers\n\nEach claim of the scaling paper is judged twice" in text
    assert "<summary>Accuracy grows with size. (published: " in text
    assert "*Tested:* accuracy rises with every step in parameters on cpu." in text
    assert "\n\n\n" not in text and "writeup" not in text.lower() and "Colab" not in text
    headings = re.findall(r"^## ([0-9]+)\. (.*)$", text, re.M)
    assert headings == [
        ("1", "Setup"),
        ("2", "Evaluation"),
        ("3", "Results & Graphs: Small models"),
        ("4", "Error Pattern Analysis"),
    ]


def test_a_study_of_other_models_says_so(folder):
    merged, _ = results.merged(results.study(["other"], ["anatomy"]), {"other": {"anatomy": "ABCD" * 5}})
    claims = reading.make(merged, folder)
    assert "The study made has none of the models of the scaling paper." in listing.text(claims)
    assert {number.verdict for number in claims.numbers} == {NumberVerdict.NOT_RUN}


def test_a_study_without_a_reference_has_nothing_to_verify(tmp_path):
    study = results.study(["m"], ["anatomy"], reference=None)
    results.merged(study, {"m": {"anatomy": "ABCD"}})[0].write(tmp_path / "merged.json")
    with pytest.raises(
        UserError, match="the study has no reference to compare with: name a folder as its `reference` in config"
    ):
        listing.print_claims(tmp_path, tmp_path)


@pytest.mark.parametrize("name", predicates.PREDICATES)
def test_the_documentation_has_each_predicate_with_its_parameters(name):
    text = (results.WORKFLOW / "reference/README.md").read_text(encoding="utf-8")
    predicate = predicates.PREDICATES[name]
    parameters = ", ".join(f"`{each}`" for each in list(inspect.signature(predicate).parameters)[1:])
    first = inspect.getdoc(predicate).split("\n\n")[0].replace("\n", " ")
    assert f"| `{name}` | {parameters or '–'} | {first} |" in text.splitlines()


def test_the_documentations_example_can_be_read(tmp_path):
    text = (results.WORKFLOW / "reference/README.md").read_text(encoding="utf-8")
    for block in re.findall(r"```yaml\n# (\w+\.yaml)\n(.*?)```", text, re.S):
        (tmp_path / block[0]).write_text(block[1])
        assert yaml.safe_load(block[1])
    published, claims = reading.reference(tmp_path)
    assert published.models and audit.judge(claims.claims, *[audit.published_evidence(published)] * 2)
