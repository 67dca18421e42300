"""The analysis of mistakes: the content of analysis.json, from the answers to every question."""

from collections.abc import Mapping, Sequence

import pandas

from mmlu_kit.analysis.difficulty import analyse_difficulty
from mmlu_kit.analysis.document import AnalysisFile
from mmlu_kit.analysis.label_accuracies import label_accuracies
from mmlu_kit.analysis.label_checks import LabelChecks
from mmlu_kit.analysis.letter_preferences import with_holm
from mmlu_kit.analysis.model_document import FEWEST_QUESTIONS
from mmlu_kit.analysis.one_model import analyse_model
from mmlu_kit.analysis.pairs import compare_models
from mmlu_kit.analysis.shared_questions import SharedQuestions, shared_questions
from mmlu_kit.inputs.question_faults import QuestionFault
from mmlu_kit.inputs.questions import Question
from mmlu_kit.results import answer_forms, protocols, repeats, summaries
from mmlu_kit.results.merged import Merged
from mmlu_kit.settings import LETTERS


def analysis(
    merged: Merged,
    table: pandas.DataFrame,
    questions: Sequence[Question],
    labels: LabelChecks | None = None,
    faults: Sequence[QuestionFault] = (),
) -> AnalysisFile:
    """Return the content of analysis.json.

    `table` is questions.csv, `questions` are the test questions of the study's subjects and `faults` their faults; `labels` is
    None if config names no label checks. Raises UserError if `questions` are not those that were answered.
    """
    rows = repeats.counted(table, merged.study.subjects)
    answers = {model: rows[rows["model"] == model] for model in models_with_answers(merged, rows)}
    labels = labels.once(questions) if labels else None
    compared = protocols.first_of_each(merged.study.models, answers)
    in_subjects = shared_questions({model: answers[model] for model in compared})
    shared = in_subjects.once()
    texts = {question.sha256: question for question in questions}
    models = [
        analyse_model(model, summaries.label(merged, model), rows).model_copy(
            update=imported(repeats.once(rows), texts) if merged.imported(model) else {}
        )
        for model, rows in answers.items()
    ]
    constant = [model.model for model in models if model.always]
    pairs, warnings_on_pairs = compare_models(shared, constant)
    difficulty = analyse_difficulty(in_subjects, questions, constant)
    return AnalysisFile(
        study=merged.study.name,
        questions=len(shared),
        models=with_holm(models),
        compared=compared,
        pairs=pairs,
        cochran_q=difficulty.cochran_q,
        difficulty=difficulty.difficulty,
        models_wrong=difficulty.models_wrong,
        hardest=difficulty.hardest,
        discrimination=difficulty.discrimination,
        question_faults=list(faults),
        label_errors=label_accuracies(labels, {model: repeats.once(rows) for model, rows in answers.items()})
        if labels
        else None,
        warnings=[
            *warnings_on_number(shared),
            *warnings_on_protocols([model for model in answers if model not in compared]),
            *warnings_on_pairs,
            *difficulty.warnings,
            *(labels.warnings if labels else []),
        ],
    )


def imported(rows: pandas.DataFrame, questions: Mapping[str, Question]) -> dict[str, object]:
    """Return what is known of a model's imported answers alone, fields of ModelAnalysis; `questions` are by hash."""
    asked = {sha256 for sha256, question in questions.items() if question.subject in set(rows["subject"])}
    return {"read_by": read_by(rows, questions), "unanswered": len(asked - set(rows["question_sha256"]))}


def read_by(rows: pandas.DataFrame, questions: Mapping[str, Question]) -> dict[str, int]:
    """Return how many of a model's imported answers each rule read; `questions` are by hash."""
    columns = rows[["generated", "predicted", "question_sha256"]].itertuples(index=False, name=None)
    known = [(text, letter, questions[sha256]) for text, letter, sha256 in columns if sha256 in questions]
    letters = [(text, letter if letter in tuple(LETTERS) else None, question) for text, letter, question in known]
    return {str(rule): count for rule, count in answer_forms.count_rules(letters).items()}


def models_with_answers(merged: Merged, rows: pandas.DataFrame) -> list[str]:
    """Return the models of the study's groups that have answers, in the report's order."""
    answered = set(rows["model"])
    return list(dict.fromkeys(m for group in merged.study.groups for m in group.models if m in answered))


def warnings_on_protocols(others: Sequence[str]) -> list[str]:
    """Return a warning if models are not compared with others because their weights are there already, asked in another way."""
    if not others:
        return []
    return [
        f"Weights asked in several ways are compared with other models once, as they come first; not as {', '.join(others)}."
    ]


def warnings_on_number(shared: SharedQuestions) -> list[str]:
    """Return a warning if there are no models, or too few questions to compare them."""
    if not shared.models:
        return ["No model of the study's groups has results: there is nothing to analyse."]
    if len(shared.models) == 1 or len(shared) >= FEWEST_QUESTIONS:
        return []
    if not len(shared):
        return ["No question was answered by every model: models are not compared."]
    return [f"The models share {len(shared)} questions, fewer than {FEWEST_QUESTIONS}: comparisons are descriptive only."]
