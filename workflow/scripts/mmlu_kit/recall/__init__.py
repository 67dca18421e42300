"""The recall experiment: facts told to a chat model, views of the conversation, and a question at the end."""
