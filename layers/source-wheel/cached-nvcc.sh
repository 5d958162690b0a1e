#!/bin/bash
# nvcc behind ccache, as torch's build calls it. ccache 4.7 takes the long names of the two options that write a dependency file
# for sources, and caches nothing: hours, for what an interrupted build of FlashAttention had compiled. It knows the short ones.
set -euo pipefail
words=()
for word in "$@"; do
  case "$word" in
    --generate-dependencies-with-compile) words+=(-MD) ;;
    --dependency-output) words+=(-MF) ;;
    *) words+=("$word") ;;
  esac
done
exec ccache /opt/cuda/bin/nvcc "${words[@]}"
