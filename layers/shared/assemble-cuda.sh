#!/bin/sh
# Usage: assemble-cuda.sh COMPILER LIBRARIES TOOLKIT. A CUDA toolkit in the shape that CMake and torch look for: nvcc
# from its wheels (installed in COMPILER), headers and libraries from the product's own cuda stage, so that what is
# linked is what will run.
set -eu
compiler=$1 libraries=$2 toolkit=$3
mkdir -p "$toolkit"
cp -rs "$libraries/nvidia/cu13/." "$toolkit/"
cp -r --remove-destination "$compiler/nvidia/cu13/." "$toolkit/"

# Wheels carry libcudart.so.13 and the like without the names that a linker looks for.
ln -s lib "$toolkit/lib64"
for library in "$toolkit"/lib/lib*.so.*; do
  ln -sf "$(basename "$library")" "${library%.so.*}.so"
done
# libcuda comes with the driver. An empty library of its name is enough to link: the symbols are resolved
# when the back end is loaded, and without a driver it is simply not loaded.
mkdir -p "$toolkit/lib/stubs"
gcc -shared -x c /dev/null -Wl,-soname,libcuda.so.1 -o "$toolkit/lib/stubs/libcuda.so"
