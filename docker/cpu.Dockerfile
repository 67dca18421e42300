# The image for models on the CPU, figures and the report. From the project's folder:
#   docker build --file docker/cpu.Dockerfile --tag mmlu-kit:cpu .
ARG BASE=debian:bookworm-slim
FROM ${BASE}
# /usr/bin/time is what jobs are timed with; slim images lack it.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends python3 python3-venv time \
    && rm -rf /var/lib/apt/lists/*
COPY envs/torch.txt envs/cpu.lock /opt/kit/
# As envs/install.sh does: torch by its pin, everything else by hash.
RUN python3 -m venv /opt/kit/venv \
    && /opt/kit/venv/bin/pip install --no-cache-dir --requirement /opt/kit/torch.txt \
    && /opt/kit/venv/bin/pip install --no-cache-dir --no-deps --require-hashes --requirement /opt/kit/cpu.lock
ENV PATH=/opt/kit/venv/bin:$PATH
