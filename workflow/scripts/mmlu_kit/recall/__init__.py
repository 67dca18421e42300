"""The experiment on what a chat model still knows: facts told to it, views of the conversation, and a question at the end."""
