#!/bin/bash
# Compiles llama-server into /out/opt/llama.cpp, without a network. Every back end is a library of its own that is loaded at
# start: one binary runs on any x86-64 processor, and one with CUDA also starts where there is no driver.
set -euo pipefail

options=(
  -DCMAKE_BUILD_TYPE=Release -DBUILD_SHARED_LIBS=ON
  # Warnings of somebody else's release are megabytes of log that nobody here acts on.
  -DCMAKE_C_FLAGS=-w -DCMAKE_CXX_FLAGS=-w
  -DGGML_NATIVE=OFF -DGGML_BACKEND_DL=ON -DGGML_CPU_ALL_VARIANTS=ON
  -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_BUILD_APP=OFF
  -DLLAMA_BUILD_TOOLS=ON -DLLAMA_BUILD_SERVER=ON
  # A page that is there is taken, before these ask for one: it would be downloaded from an address that nothing pins.
  -DLLAMA_BUILD_UI=OFF -DLLAMA_USE_PREBUILT_UI=OFF
  -DLLAMA_OPENSSL=ON
  -DLLAMA_BUILD_NUMBER="$(grep -oE '^b[0-9]+$' <<<"$VERSION" | tr -d b || echo 0)" -DLLAMA_BUILD_COMMIT="$VERSION"
  -DCMAKE_BUILD_WITH_INSTALL_RPATH=ON
)
rpath='$ORIGIN'
# nvcc is unpacked anew for each build: by its time ccache would take it for another compiler.
export CCACHE_COMPILERCHECK=content

if [ -n "$CUDA_ARCHITECTURES" ]; then
  sh -eu /context/assemble-cuda.sh /opt/nvcc "/stages/cuda$SITE_PACKAGES" /opt/cuda
  export PATH="/opt/cuda/bin:$PATH"
  options+=(
    -DGGML_CUDA=ON -DCMAKE_CUDA_ARCHITECTURES="$CUDA_ARCHITECTURES"
    -DCMAKE_CUDA_COMPILER=/opt/cuda/bin/nvcc -DCUDAToolkit_ROOT=/opt/cuda
    -DGGML_CUDA_NO_VMM="$([ "$CUDA_VMM" = true ] && echo OFF || echo ON)"
    # libcuda is an empty stub here: without this the linker drops it, and the back end would miss its symbols.
    '-DCMAKE_MODULE_LINKER_FLAGS=-Wl,--no-as-needed'
  )
  rpath="$rpath;$SITE_PACKAGES/nvidia/cu13/lib"
fi

PATH="/opt/toolbox/bin:$PATH"
cmake -G Ninja -S /source -B /build "${options[@]}" -DCMAKE_INSTALL_RPATH="$rpath"
cmake --build /build --target llama-server --parallel "$(nproc)"

mkdir -p /out/opt/llama.cpp/bin
cp -a /build/bin/llama-server /build/bin/*.so* /out/opt/llama.cpp/bin/
cp /source/LICENSE /out/opt/llama.cpp/
strip --strip-unneeded /out/opt/llama.cpp/bin/*

if [ -n "$CUDA_ARCHITECTURES" ]; then
  /opt/toolbox/bin/python /context/gpu_code.py /opt/cuda/bin/cuobjdump "$CUDA_ARCHITECTURES" \
    /out/opt/llama.cpp/bin/libggml-cuda.so
fi
if [ -n "$CUDA_ARCHITECTURES" ] && [ "$CUDA_VMM" = true ]; then
  readelf --dynamic /out/opt/llama.cpp/bin/libggml-cuda.so | grep -F 'Shared library: [libcuda.so.1]' >/dev/null
fi
# It starts, and it is the version that was asked for.
/out/opt/llama.cpp/bin/llama-server --version 2>&1 | tee /dev/stderr | grep -F "$VERSION" >/dev/null
