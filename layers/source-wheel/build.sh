#!/bin/bash
# Builds the package NAME into a wheel in /out, from its source archive or from the git commit below /git. The folder
# is always the same, because paths end up in compiled files. What it is built with comes from the lock.
set -euo pipefail
. /context/trust.sh

/opt/toolbox/bin/uv --quiet pip install --python /opt/toolbox/bin/python --no-config --no-cache \
  --no-deps --only-binary :all: --require-hashes --requirement /context/build-requirements.txt

mkdir /source
if [ -d /git ]; then
  cp -a /git/. /source
else
  # shellcheck disable=SC2086 # one hash a word
  /opt/toolbox/bin/python /context/fetch_sdist.py "$NAME" "$VERSION" $HASHES /sdist
  if [ "$(head -c 2 /sdist)" = PK ]; then
    python3 -m zipfile -e /sdist /unpacked
    mv /unpacked/*/* /source/
  else
    tar -xzf /sdist -C /source --strip-components=1 --no-same-owner
  fi
fi

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
  export CUDA_HOME=/opt/cuda TORCH_CUDA_ARCH_LIST="$CUDA_ARCHITECTURES" PYTORCH_NVCC="ccache /opt/cuda/bin/nvcc"
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
