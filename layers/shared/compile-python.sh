#!/bin/sh
# Usage: compile-python.sh FOLDER [MODE], below /out. Compiles Python files ahead of time: the container's user cannot
# write beside them, so every start would compile them again. Hashes instead of times, paths as in the product and a
# fixed hash seed make the result the same in each build. MODE is `checked-hash` where files may be edited in the
# container, so that the compiled ones do not hide it. Files for another Python (templates, tests of syntax errors)
# fail to compile, as they would on import.
set -eu
PYTHONHASHSEED=0 python3 -m compileall -q -j 2 --invalidation-mode "${2:-unchecked-hash}" \
  -s /out -p / "$1" >/dev/null 2>&1 || true
