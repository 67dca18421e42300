"""Statistics on a study's answers and mistakes."""
