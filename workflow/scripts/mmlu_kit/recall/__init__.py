"""The recall experiment: a chat model is told facts, sees a view of the conversation, and is asked for a fact at the end."""
