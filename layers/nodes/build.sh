#!/bin/sh
# Usage: build.sh FOLDER. Lays one node out as ComfyUI finds it, in /out/opt/comfyui/custom_nodes/FOLDER. It belongs to
# the container's user, because many nodes keep their settings in their own folder.
set -eu
node="/out/opt/comfyui/custom_nodes/$1"
mkdir -p "$node"
cp -a /source/. "$node"
site="opt/venv/lib/python$PYTHON/site-packages"
if [ -d /stages ]; then
  PYTHONPATH="$(for stage in /stages/*; do printf '%s:' "$stage/$site"; done)"
  export PYTHONPATH
fi
python3 /context/assemble.py /node.json "$node"
sh -eu /context/compile-python.sh "$node" checked-hash
sh -eu /context/finish.sh
chown -R 1000:1000 "$node"
