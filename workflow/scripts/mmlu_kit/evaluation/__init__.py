"""From a question to a record: prompts, tokens, scoring, answers, and what survives a kill."""
