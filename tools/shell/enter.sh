#!/bin/sh
# Usage: enter.sh LAYERS LOWER BUNDLE RUNC STATE NAME, in a mount namespace of its own. Lays the folders LOWER (below
# LAYERS, highest first) under a fresh one and runs the bundle on them. The mount goes with the namespace, however
# this ends.
set -eu
layers=$1 lower=$2 bundle=$3 runc=$4 state=$5 name=$6
# The kernel takes one page of options: short names below the working folder leave room for many layers.
cd "$layers"
mount -t overlay overlay -o "lowerdir=$lower,upperdir=$bundle/upper,workdir=$bundle/work" "$bundle/rootfs"
exec "$runc" --root "$state" run --bundle "$bundle" "$name"
