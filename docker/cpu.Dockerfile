# The image for models on the CPU, figures and the report; it can also run the whole kit (README). Build it with
# `make images`, or from the project's folder:  docker build --file docker/cpu.Dockerfile --tag mmlu-kit:cpu .
ARG BASE=debian:bookworm-slim@sha256:96e378d7e6531ac9a15ad505478fcc2e69f371b10f5cdf87857c4b8188404716
FROM ${BASE}
COPY docker/install.sh envs/torch.txt envs/cpu.lock /opt/kit/
# PyPI's torch for Linux includes CUDA libraries of several GB. TORCH_OPTIONS are options of pip for torch only, as in
# --build-arg TORCH_OPTIONS='--index-url <PyTorch's index of CPU wheels>'.
ARG TORCH_OPTIONS=
RUN sh /opt/kit/install.sh /opt/kit/cpu.lock /opt/kit/torch.txt ${TORCH_OPTIONS}
# The image may run as any user: caches are in a folder that anyone can write to, and unknown users get a name.
ENV PATH=/opt/kit/venv/bin:$PATH XDG_CACHE_HOME=/tmp/cache MPLCONFIGDIR=/tmp/cache/matplotlib USER=kit
# The kit itself, for use with Docker only; under Apptainer the project's folder is used instead of this one.
WORKDIR /kit
COPY Snakefile config.yaml ./
COPY workflow workflow
COPY profiles profiles
RUN mkdir -p results resources && chmod -R a+rwX /kit
USER kit
CMD ["snakemake", "--cores", "8"]
ARG LOCK_SHA256=unknown
ARG INPUTS_SHA256=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="MMLU reproduction kit, CPU" \
      org.opencontainers.image.revision="${REVISION}" \
      mmlu-kit.lock="envs/cpu.lock" \
      mmlu-kit.lock.sha256="${LOCK_SHA256}" \
      mmlu-kit.inputs.sha256="${INPUTS_SHA256}"
