"""Answers as the rows of Every Eval Ever's file of samples: a question, the answer, and whether it is right."""

from collections.abc import Iterator, Mapping

from mmlu_kit import files
from mmlu_kit.evaluation.records import Evaluation
from mmlu_kit.inputs.questions import Question
from mmlu_kit.results.lm_eval_samples import Fields
from mmlu_kit.user_errors import UserError


def rows(evaluation: Evaluation, questions: Mapping[tuple[str, int], Question], keys: Fields) -> Iterator[Fields]:
    """Yield a row for each record, which begins with `keys`; `questions` are by subject and index.

    The answer is the best one; what the model would write is the output, or the best choice's text if nothing was generated.
    Raises UserError if a question is missing or is not the one that was asked.
    """
    for record in evaluation.records:
        question = questions.get((record.subject, record.index))
        if question is None or question.sha256 != record.question_sha256 or record.predicted is None:
            where = f"{evaluation.model}, question {record.index} of {record.subject}"
            raise UserError(f"{where}: the text of the question is not in the resources: name the folder with --resources")
        choice = question.choices[question.letters.index(record.predicted)]
        reference = [question.right_choice]
        yield {
            **keys,
            "sample_id": question.id or question.name,
            "sample_hash": files.sha256("".join([question.question, *reference])),
            "interaction_type": "single_turn",
            "input": {"raw": question.question, "reference": reference, "choices": list(question.choices)},
            "output": {"raw": [choice if record.generated is None else record.generated]},
            "answer_attribution": [
                {
                    "turn_idx": 0,
                    "source": "log-probabilities of the choices",
                    "extracted_value": choice,
                    "extraction_method": "highest score",
                    "is_terminal": True,
                }
            ],
            "evaluation": {"score": float(record.correct), "is_correct": record.correct},
            "metadata": {"subject": record.subject, "predicted": record.predicted, "gold": record.gold},
        }
