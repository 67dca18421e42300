"""Letters' log-likelihoods by lm-eval, and their comparison with the kit's records."""

import torch

# Two letters whose log-probabilities differ by less than two roundings may be ranked either way.
TIE = 2e-4


def letter_logprobs(lm, prompts) -> torch.Tensor:
    """Return lm-eval's log-likelihoods of A to D after each prompt; shape (prompts, 4)."""
    from lm_eval.api.instance import Instance

    def loglikelihoods(pairs):
        requests = [Instance("loglikelihood", {}, pair, number) for number, pair in enumerate(pairs)]
        return torch.tensor([logprob for logprob, _ in lm.loglikelihood(requests, disable_tqdm=True)])

    letters = loglikelihoods([(prompt.text, answer) for prompt in prompts for answer in prompt.answers])
    # lm-eval counts the white space that a prompt ends with (a chat template's line end) as part of the answer.
    ends = [(text.rstrip(), text[len(text.rstrip()) :]) for text in (prompt.text for prompt in prompts)]
    spaces = loglikelihoods(ends) if ends[0][1] else torch.zeros(len(prompts))
    return letters.view(-1, 4) - spaces[:, None]


def ties_ranked_otherwise(records, expected: torch.Tensor) -> list[tuple[str, int, float]]:
    """Check that records have lm-eval's log-likelihoods within 1e-4, and its best letter or one that ties with it.

    Returns the subject and index of each tie that lm-eval ranks otherwise, and by how much.
    """
    values = torch.tensor([[record.letter_logprobs[letter] for letter in "ABCD"] for record in records])
    torch.testing.assert_close(values, expected, atol=1e-4, rtol=0)
    flips = []
    for record, row in zip(records, expected, strict=True):
        gap = float(row.max() - row["ABCD".index(record.predicted)])
        if gap > 0:
            flips.append((record.subject, record.index, gap))
    assert all(gap < TIE for *_, gap in flips), flips
    return flips
