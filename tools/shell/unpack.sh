#!/bin/sh
# Usage: unpack.sh FOLDER <layer.tar. Unpacks a layer so that it can be a lower folder of an overlay: what it removes
# from the layers below becomes a device 0:0, and a folder that it hides what was in it gets the overlay's attribute.
set -eu
tar --extract --numeric-owner --preserve-permissions --directory "$1"
find "$1" -name .wh..wh..opq | while read -r marker; do
  python3 -c 'import os, sys; os.setxattr(sys.argv[1], "trusted.overlay.opaque", b"y")' "$(dirname "$marker")"
  rm "$marker"
done
find "$1" -name '.wh.*' | while read -r marker; do
  rm "$marker"
  name=$(basename "$marker")
  mknod "$(dirname "$marker")/${name#.wh.}" c 0 0
done
