"""From questions to records: prompts, tokens, scoring, answer parsing, and the journal from which a killed run resumes."""

from mmlu_kit import models  # noqa: F401 - keeps huggingface_hub off the network before transformers is imported
