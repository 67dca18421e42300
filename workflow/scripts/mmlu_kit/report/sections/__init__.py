"""The content of each section's template: sentences, and tables as formatted cells."""
