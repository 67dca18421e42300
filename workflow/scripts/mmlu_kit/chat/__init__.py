"""A chat with a language model: its log, which part of it the model is shown, the replies, and the terminal."""
