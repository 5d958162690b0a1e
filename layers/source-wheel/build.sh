#!/bin/bash
# Builds the package NAME into a wheel in /out, without a network, from what fetch.sh laid into /source or from the git
# commit below /git. The folder is always the same, because paths end up in compiled files.
set -euo pipefail

if [ -d /git ]; then cp -a /git /source; fi

site="opt/venv/lib/python$PYTHON/site-packages"
if [ -d /stages ]; then
  PYTHONPATH="$(for stage in /stages/*; do printf '%s:' "$stage/$site"; done)"
  LD_LIBRARY_PATH="$(find /stages -type d -path '*/site-packages/nvidia/*' -name lib | tr '\n' ':')"
  export PYTHONPATH LD_LIBRARY_PATH
fi
PATH="/opt/toolbox/bin:$PATH"
MAX_JOBS="$(nproc)"
if [ -e /context/assemble-cuda.sh ]; then
  compiler="$(python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')"
  sh -eu /context/assemble-cuda.sh "$compiler" "/stages/cuda/$site" /opt/cuda
  PATH="/opt/cuda/bin:$PATH"
  # What an interrupted build has compiled is not compiled again: hours, for FlashAttention.
  export CUDA_HOME=/opt/cuda TORCH_CUDA_ARCH_LIST="$CUDA_ARCHITECTURES" PYTORCH_NVCC="bash /context/cached-nvcc.sh"
  # One nvcc takes up to 5 GB of such kernels.
  fitting="$(awk '/^MemAvailable:/ { print int($2 / 5000000) }' /proc/meminfo)"
  if [ "$fitting" -lt "$MAX_JOBS" ]; then MAX_JOBS="$((fitting > 0 ? fitting : 1))"; fi
fi
eval "$ENVIRONMENT"
PYTHONHASHSEED=0
export MAX_JOBS PYTHONHASHSEED PATH CMAKE_BUILD_PARALLEL_LEVEL="$MAX_JOBS" SETUPTOOLS_SCM_PRETEND_VERSION="$VERSION"
# A changed build tool or script compiles nothing again that comes out the same. nvcc is unpacked anew for each build: by
# its time it would be another compiler.
export CCACHE_COMPILERCHECK=content CMAKE_C_COMPILER_LAUNCHER=ccache CMAKE_CXX_COMPILER_LAUNCHER=ccache CMAKE_CUDA_COMPILER_LAUNCHER=ccache

python -m pip --disable-pip-version-check wheel --quiet --no-deps --no-index --no-build-isolation \
  --wheel-dir /out /source
# What came out of the cache, in the log: a build that goes on has hits.
ccache --print-stats | grep -E '^(direct_cache_hit|preprocessed_cache_hit|cache_miss|multiple_source_files|could_not_use)' >&2 || true
python3 - /out/*.whl <<'CHECK'
import os, re, sys

name = re.sub(r"[-_.]+", "-", sys.argv[1].rsplit("/", 1)[1].split("-")[0]).lower()
if name != os.environ["NAME"]:
    sys.exit(f"{os.environ['NAME']}: its source builds a package called {name}: give it that name in the recipe")
CHECK
if [ -e /context/gpu_code.py ]; then
  python /context/gpu_code.py /opt/cuda/bin/cuobjdump "$CUDA_ARCHITECTURES" /out/*.whl
fi
sh -eu /context/finish.sh
