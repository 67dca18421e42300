"""What is evaluated: questions and model folders, fetched and checked."""
