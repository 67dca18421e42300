"""The workflow's jobs: their resources and images, the messages on them, and a preview of a run; no torch."""
