"""Answers as samples of EleutherAI's lm-evaluation-harness 0.4: a question, its requests, their log-likelihoods and metrics.

Letters and cloze presets are both its output type `multiple_choice`, whose requests are the prompt with each choice's letter or
text. Of a question that was asked in all orders, a sample has the order given, as lm-eval knows no other.
"""

import json
from collections.abc import Sequence
from typing import Any

from mmlu_kit import files
from mmlu_kit.evaluation import prompts
from mmlu_kit.evaluation.answers import Record
from mmlu_kit.evaluation.chat_templates import ChatTemplate
from mmlu_kit.evaluation.records import Evaluation
from mmlu_kit.inputs import questions
from mmlu_kit.inputs.questions import Question
from mmlu_kit.settings import Preset, Requested, Score, Split
from mmlu_kit.user_errors import UserError

FILTER = "none"

Fields = dict[str, object]  # an object of lm-eval's files


def metrics(preset: Preset) -> list[str]:
    """Return the names of a sample's metrics: lm-eval's accuracy, and for cloze the one by log-likelihood per character."""
    return ["acc", "acc_norm"] if preset.is_cloze else ["acc"]


def make_samples(evaluation: Evaluation, subject_questions: Sequence[Question], tokenizer: Any) -> list[Fields]:
    """Return a sample for each record; `subject_questions` include the dev split, `tokenizer` is needed for chat prompts.

    Raises UserError if a prompt rendered from these questions is not the one that the model was given.
    """
    requested = evaluation.requested
    assert requested is not None  # it was run
    tests = {question.index: question for question in questions.split(subject_questions, Split.TEST)}
    dev = questions.split(subject_questions, Split.DEV)
    template = ChatTemplate(tokenizer, requested.template_arguments) if requested.preset == Preset.CHAT else None
    space = evaluation.conversation.space if evaluation.conversation else ""
    samples = []
    for record in evaluation.records:
        question = tests.get(record.index)
        text = None
        if question and question.sha256 == record.question_sha256:
            pieces = prompts.render(question, dev[: record.examples], requested.preset, template)
            text = "".join(piece for piece, _ in pieces)
        if question is None or text is None or not _is_its_prompt(record, text, requested):
            where = f"{evaluation.model}, question {record.index} of {evaluation.subject}"
            raise UserError(
                f"{where}: the prompt cannot be rendered again from the questions in this study: run the study again"
            )
        samples.append(_sample(record, question, requested.preset, text, space))
    return samples


def _is_its_prompt(record: Record, text: str, requested: Requested) -> bool:
    return prompts.prompt_sha256(text, requested.template_arguments) == record.prompt_sha256


def _sample(record: Record, question: Question, preset: Preset, text: str, space: str) -> Fields:
    target = str(question.letters.index(question.answer))
    document = {
        "question": question.question,
        "subject": question.subject,
        "choices": list(question.choices),
        "answer": int(target),
    }
    if record.cloze is None:
        answers = [prompts.answer_text(preset, letter, space) for letter in question.letters]
        responses, right = _of_letters(record, answers)
    else:
        answers = [f" {choice}" for choice in question.choices]
        responses, right = _of_texts(record)
    return {
        "doc_id": record.index,
        "doc": document,
        "target": target,
        "arguments": {f"gen_args_{place}": {"arg_0": text, "arg_1": answer} for place, answer in enumerate(answers)},
        "resps": [[response] for response in responses],
        "filtered_resps": responses,
        "filter": FILTER,
        "metrics": list(right),
        "doc_hash": files.sha256(json.dumps(document, indent=2, ensure_ascii=False)),
        "prompt_hash": record.prompt_sha256,
        "target_hash": files.sha256(target),
        **right,
    }


def _of_letters(record: Record, answers: Sequence[str]) -> tuple[list[list[str]], dict[str, float]]:
    """Return the responses of a record with letters, by its answers' texts, and its metrics.

    lm-eval writes a response's log-likelihood and 'is greedy' as text; greedy means that the model would write this answer.
    """
    logprobs = record.letter_logprobs
    assert logprobs is not None and record.generated is not None
    # With other orders, `predicted` is the best over all of them.
    best = record.predicted if record.other_orders is None else max(record.letters, key=lambda letter: logprobs[letter])
    # A SentencePiece token decodes without the space that it begins with. The best letter's token alone can be the greedy one.
    responses = [
        [str(logprobs[letter]), str(letter == best and record.generated.strip() == answer.strip())]
        for letter, answer in zip(record.letters, answers, strict=True)
    ]
    return responses, {"acc": float(best == record.gold)}


def _of_texts(record: Record) -> tuple[list[list[str]], dict[str, float]]:
    """Return the responses of a record of a cloze preset, and its metrics; whether a text is greedy is not known: None."""
    responses = [[str(continuation.logprob), str(None)] for continuation in record.cloze or []]
    scores = {"acc": Score.RAW, "acc_norm": Score.CHARACTER}
    return responses, {name: float(record.predicted_by(score) == record.gold) for name, score in scores.items()}
