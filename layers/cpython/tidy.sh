#!/bin/sh
# Ends both ways to /out/opt/python: it is what the stack asks for and has what packages expect, nothing of pip is in
# it, since environments bring their own, and its files are compiled as those of all stages.
set -eu
root=/out/opt/python
PATH="$root/bin:$PATH"
"$root/bin/python$PYTHON" -IB /context/check.py "$VERSION" "$PYTHON"
ln -sf "python$PYTHON" "$root/bin/python3"
for name in pip pip3 idle idle3 pydoc pydoc3; do rm -f "$root/bin/$name"; done
find "$root/bin" \( -name 'pip3.*' -o -name 'idle3.*' -o -name 'pydoc3.*' -o -name '2to3*' \) -delete
rm -rf "$root/lib/python$PYTHON/site-packages"/pip "$root/lib/python$PYTHON/site-packages"/pip-*
find "$root" -name __pycache__ -type d -prune -exec rm -rf {} +
sh -eu /context/compile-python.sh "$root/lib/python$PYTHON"
sh -eu /context/finish.sh
