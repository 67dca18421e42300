# The image for models on CUDA; the host gives nothing but its driver. Made by `make images`, or from the project's folder:
#   docker build --file docker/cuda.Dockerfile --tag mmlu-kit:cuda .
ARG BASE=debian:bookworm-slim@sha256:96e378d7e6531ac9a15ad505478fcc2e69f371b10f5cdf87857c4b8188404716
FROM ${BASE}
# /usr/bin/time is what jobs are timed with; slim images lack it.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends python3 python3-venv time \
    && rm -rf /var/lib/apt/lists/*
COPY envs/cuda.lock /opt/kit/
# torch and the CUDA libraries it needs are wheels in this lock, so no CUDA base image is needed.
RUN python3 -m venv /opt/kit/venv \
    && /opt/kit/venv/bin/pip install --no-cache-dir --no-deps --require-hashes --requirement /opt/kit/cuda.lock
# Caches go where any user may write, whoever runs the image.
ENV PATH=/opt/kit/venv/bin:$PATH XDG_CACHE_HOME=/tmp/cache MPLCONFIGDIR=/tmp/cache/matplotlib
RUN useradd --create-home --uid 1000 kit
USER kit
ARG LOCK_SHA256=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="MMLU reproduction kit, CUDA" \
      org.opencontainers.image.revision="${REVISION}" \
      mmlu-kit.lock="envs/cuda.lock" \
      mmlu-kit.lock.sha256="${LOCK_SHA256}"
