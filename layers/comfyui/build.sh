#!/bin/sh
# Copies ComfyUI into /out/opt/comfyui and compiles it ahead of time.
set -eu
mkdir -p /out/opt
cp -a /source /out/opt/comfyui
rm -rf /out/opt/comfyui/.github /out/opt/comfyui/tests /out/opt/comfyui/tests-unit
mkdir -p /out/opt/comfyui/custom_nodes
sh -eu /context/compile-python.sh /out/opt/comfyui
sh -eu /context/finish.sh
