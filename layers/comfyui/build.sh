#!/bin/sh
# Copies ComfyUI into /out/opt/comfyui and compiles it ahead of time.
set -eu
mkdir -p /out/opt
cp -a /source /out/opt/comfyui
rm -rf /out/opt/comfyui/.github /out/opt/comfyui/tests /out/opt/comfyui/tests-unit
mkdir -p /out/opt/comfyui/custom_nodes
sh -eu /context/compile-python.sh /out/opt/comfyui
sh -eu /context/finish.sh
# Nodes write beside the code: ComfyUI-Login its password, older ones their part of the web interface.
install -d -o 1000 -g 1000 -m 0700 /out/opt/comfyui/login
install -d -o 1000 -g 1000 /out/opt/comfyui/web /out/opt/comfyui/web/extensions
touch -d "@$SOURCE_DATE_EPOCH" /out/opt/comfyui/login /out/opt/comfyui/web/extensions /out/opt/comfyui/web /out/opt/comfyui
