#!/bin/sh
# Print the config that makes rules run in a release's published images: release_config.sh IMAGE CPU_DIGEST CUDA_DIGEST
# IMAGE is the name of both in their registry, and a digest is sha256:… Used as  snakemake --configfile images.yaml
set -eu
digest() {
    printf '%s' "$1" | grep -Eqx 'sha256:[0-9a-f]{64}' || {
        echo "error: '$1' is not a digest: it needs sha256: and 64 hexadecimal digits" >&2
        exit 2
    }
}
digest "$2"
digest "$3"
cat <<END
# The images of this release. Snakemake pulls them when rules first run in them.
images:
  cpu: docker://$1@$2
  cuda: docker://$1@$3
END
