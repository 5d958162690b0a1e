#!/bin/sh
# An archive of python-build-standalone, whose one folder is called python. What it was compiled with and where it was
# installed stands in files that builds of extensions read: uv writes the same over them
# (crates/uv-python/src/sysconfig of astral-sh/uv).
set -eu
mkdir -p /out/opt
tar -xzf /archive/cpython.tar.gz -C /out/opt --no-same-owner
if [ ! -d /out/opt/python/bin ]; then
  echo "The archive holds no folder python/bin: expected one of python-build-standalone, \"install_only\"." >&2
  exit 1
fi
find /out/opt/python \( -name '_sysconfigdata_*.py' -o -name '*.pc' -o -path '*/config-*/Makefile' \) -type f -exec \
  sed -i -E \
  -e 's#(^|[^[:alnum:]_./-])/install\b#\1/opt/python#g' \
  -e 's#(/tools/[^ :"]*/bin/|/usr/bin/x86_64-linux-gnu-)?(musl-)?\bclang\+\+#c++#g' \
  -e 's#(/tools/[^ :"]*/bin/|/usr/bin/x86_64-linux-gnu-)?(musl-)?\bclang\b#cc#g' \
  -e 's#(/tools/[^ :"]*/bin/)?\bllvm-ar\b#ar#g' {} +
sh -eu /context/tidy.sh
