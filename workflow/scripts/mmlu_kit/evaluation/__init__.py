"""From a question to a record: prompts, tokens, scoring, answers, and the journal that survives a kill."""
