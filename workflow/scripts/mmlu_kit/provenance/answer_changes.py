"""How a model's answers differ between two runs, on the questions that both asked."""

from collections.abc import Iterable, Mapping, Sequence

from mmlu_kit.evaluation.answers import Record
from mmlu_kit.evaluation.records import Evaluation
from mmlu_kit.provenance.diff_document import AnswerChange
from mmlu_kit.statistics import comparisons
from mmlu_kit.statistics.multiple import holm

Pair = tuple[Record, Record]


def changes(a: Mapping[str, Sequence[Evaluation]], b: Mapping[str, Sequence[Evaluation]]) -> list[AnswerChange]:
    """Return the changes of every model with a question in both runs; evaluations are by model."""
    pairs = {model: shared(a[model], b[model]) for model in a if model in b}
    made = [_change(model, both) for model, both in pairs.items() if both]
    corrected = holm([change.p for change in made])
    return [change.model_copy(update={"p": p}) for change, p in zip(made, corrected, strict=True)]


def shared(a: Iterable[Evaluation], b: Iterable[Evaluation]) -> list[Pair]:
    """Return a model's two records of each question that both runs have in the same subject; a repeated question is one."""
    others = _first_copies(b)
    pairs = {key: (record, others[key]) for key, record in _first_copies(a).items() if key in others}
    return list({record.question_sha256: (record, other) for record, other in reversed(pairs.values())}.values())


def _first_copies(evaluations: Iterable[Evaluation]) -> dict[tuple[str, str], Record]:
    records: dict[tuple[str, str], Record] = {}
    for evaluation in evaluations:
        for record in evaluation.records:
            records.setdefault((evaluation.subject, record.question_sha256), record)
    return records


def _change(model: str, pairs: Sequence[Pair]) -> AnswerChange:
    """The changes of one model, with the p-value before its correction."""
    outcomes = [(record.correct, other.correct) for record, other in pairs]
    both, to_wrong, to_right, neither = (
        outcomes.count(outcome) for outcome in ((True, True), (True, False), (False, True), (False, False))
    )
    low, high = comparisons.paired_interval(both, to_right, to_wrong, neither)
    steps = [step for pair in pairs for step in _logprob_steps(*pair)]
    return AnswerChange(
        model=model,
        questions=len(pairs),
        a_right=both + to_wrong,
        b_right=both + to_right,
        difference=(to_right - to_wrong) / len(pairs),
        low=low,
        high=high,
        flipped=sum(record.predicted != other.predicted for record, other in pairs),
        right_to_wrong=to_wrong,
        wrong_to_right=to_right,
        generated=sum(_generated(record) != _generated(other) for record, other in pairs),
        logprob=max(steps, default=None),
        p=comparisons.mcnemar(to_wrong, to_right) if to_wrong + to_right else None,
    )


def _generated(record: Record) -> tuple[str | None, str | None]:
    return record.generated, record.parsed


def _logprob_steps(record: Record, other: Record) -> Iterable[float]:
    """How far each log-probability of a question's choices, asked in the same way, is from the other run's."""
    if record.letter_logprobs and other.letter_logprobs:
        for letter, logprob in record.letter_logprobs.items():
            yield abs(logprob - other.letter_logprobs[letter])
    for one, two in zip(record.cloze or (), other.cloze or (), strict=False):
        yield abs(one.logprob - two.logprob)
