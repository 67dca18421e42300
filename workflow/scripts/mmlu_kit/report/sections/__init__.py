"""What each section's template lays out: tables as ready cells, and sentences."""
