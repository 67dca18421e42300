"""Models: loading, inspection and memory needs. Importing one of these modules keeps huggingface_hub off the network."""

import os

# huggingface_hub reads it when it is imported, so it is set before any module here imports transformers.
os.environ["HF_HUB_OFFLINE"] = "1"
