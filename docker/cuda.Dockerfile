# The image for models on CUDA; the host gives nothing but its driver. From the project's folder:
#   docker build --file docker/cuda.Dockerfile --tag mmlu-kit:cuda .
ARG BASE=debian:bookworm-slim
FROM ${BASE}
# /usr/bin/time is what jobs are timed with; slim images lack it.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends python3 python3-venv time \
    && rm -rf /var/lib/apt/lists/*
COPY envs/cuda.lock /opt/kit/
# torch and the CUDA libraries it needs are wheels in this lock, so no CUDA base image is needed.
RUN python3 -m venv /opt/kit/venv \
    && /opt/kit/venv/bin/pip install --no-cache-dir --no-deps --require-hashes --requirement /opt/kit/cuda.lock
ENV PATH=/opt/kit/venv/bin:$PATH
