"""What the report says in words: sentences chosen by numbers and tests, finding first."""
