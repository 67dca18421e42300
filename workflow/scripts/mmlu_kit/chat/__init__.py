"""A chat with a language model: what is said, which part of it the model sees, its replies, and the terminal."""
