"""From questions to records: prompts, tokens, scoring, answer parsing, and the journal from which a killed run resumes."""
