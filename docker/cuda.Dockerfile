# The image for models on CUDA; it uses only the host's driver. Build it with `make images`, or from the project's folder:
#   docker build --file docker/cuda.Dockerfile --tag mmlu-kit:cuda .
ARG BASE=debian:bookworm-slim@sha256:96e378d7e6531ac9a15ad505478fcc2e69f371b10f5cdf87857c4b8188404716
FROM ${BASE}
COPY docker/install.sh envs/cuda.lock /opt/kit/
# torch and the CUDA libraries it needs are wheels in this lock, so no CUDA base image is needed.
RUN sh /opt/kit/install.sh /opt/kit/cuda.lock
# The image may run as any user: caches are in a folder that anyone can write to, and unknown users get a name.
ENV PATH=/opt/kit/venv/bin:$PATH XDG_CACHE_HOME=/tmp/cache MPLCONFIGDIR=/tmp/cache/matplotlib USER=kit
USER kit
ARG LOCK_SHA256=unknown
ARG INPUTS_SHA256=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="MMLU reproduction kit, CUDA" \
      org.opencontainers.image.revision="${REVISION}" \
      mmlu-kit.lock="envs/cuda.lock" \
      mmlu-kit.lock.sha256="${LOCK_SHA256}" \
      mmlu-kit.inputs.sha256="${INPUTS_SHA256}"
