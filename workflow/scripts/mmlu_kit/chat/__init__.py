"""Chats with a language model: the log, the part of it that the model sees, the replies, and the terminal."""
