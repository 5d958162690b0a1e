#!/bin/sh
# Lays the group's nodes out as ComfyUI finds them, in /out/opt/comfyui/custom_nodes. They belong to the container's
# user, because many nodes keep their settings in their own folder.
set -eu
nodes=/out/opt/comfyui/custom_nodes
mkdir -p "$nodes"
cp -a /sources/. "$nodes"
site="opt/venv/lib/python$PYTHON/site-packages"
if [ -d /stages ]; then
  PYTHONPATH="$(for stage in /stages/*; do printf '%s:' "$stage/$site"; done)"
  export PYTHONPATH
fi
python3 /context/assemble.py /context/nodes.json "$nodes"
sh -eu /context/compile-python.sh "$nodes" checked-hash
sh -eu /context/finish.sh
chown -R 1000:1000 "$nodes"/*
