"""The inputs: questions and model folders, fetched and checked."""
