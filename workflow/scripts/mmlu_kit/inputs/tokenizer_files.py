"""Whether a model's tokenizer is there in a form that can be loaded without extra packages."""

from collections.abc import Collection

from mmlu_kit.user_errors import UserError

# Each set is enough: the fast tokenizer, Mistral's own form of it, a byte-pair vocabulary. From vocab.txt alone transformers
# silently makes an empty tokenizer for most models.
_ENOUGH = ({"tokenizer.json"}, {"tekken.json"}, {"vocab.json", "merges.txt"})
_SENTENCEPIECE = ("tokenizer.model", "spiece.model", "sentencepiece.bpe.model", "spm.model")


def check(where: str, names: Collection[str]) -> None:
    """Check that the files `names` include a tokenizer; raises UserError saying what is missing."""
    if any(files <= set(names) for files in _ENOUGH):
        return
    advice = "save the fast tokenizer (tokenizer.json) beside the weights"
    if other := next((name for name in (*_SENTENCEPIECE, "tiktoken.model") if name in names), None):
        raise UserError(f"{where}: no tokenizer.json, and {other} alone needs a package that is not installed: {advice}")
    if "vocab.txt" in names:
        raise UserError(f"{where}: no tokenizer.json, and vocab.txt alone is not a complete tokenizer: {advice}")
    if "vocab.json" in names:
        raise UserError(f"{where}: no tokenizer.json, and vocab.json lacks its merges.txt: copy that too, or {advice}")
    raise UserError(f"{where}: the tokenizer is missing (tokenizer.json): {advice}")
