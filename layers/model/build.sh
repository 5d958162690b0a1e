#!/bin/sh
# Usage: build.sh NAME. Fetches the models of models.json into ComfyUI's folder. What is left there has owners, modes and
# times that do not depend on where or when it was built.
set -eu
echo "$1"
. /context/trust.sh
comfyui=/opt/comfyui
PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=/opt/strata/model-fetch \
  python3 -m strata_models --manifest /context/models.json --root "$comfyui" --cache /cache
chown -R 0:0 "$comfyui"
# As the nodes themselves, whose folders these are.
for node in "$comfyui"/custom_nodes/*; do
  if [ -d "$node" ]; then chown -R 1000:1000 "$node"; fi
done
chmod -R u+rwX,go+rX,go-w "$comfyui"
find "$comfyui" -exec touch --no-dereference --date "@$SOURCE_DATE_EPOCH" {} +
touch --date "@$SOURCE_DATE_EPOCH" /opt
