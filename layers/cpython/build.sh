#!/bin/sh
# Compiles CPython for /opt/python, without a network. Without profiles (docs/adr/0059-python.md): these take longer than
# all the rest of an image, and whoever wants them takes the archive.
set -eu
mkdir /source
tar -xJf /source.tar.xz -C /source --strip-components=1 --no-same-owner
cd /source
gil=""
case "$PYTHON" in *t) gil=--disable-gil ;; esac
# The hash seed and one order of files make two builds the same; gcc takes SOURCE_DATE_EPOCH for the time it writes down.
export PYTHONHASHSEED=0 LC_ALL=C
./configure --quiet --prefix=/opt/python --without-static-libpython --disable-test-modules --with-ensurepip=no $gil \
  >/dev/null 2>/configure.log || { tail -n 20 /configure.log >&2; exit 1; }
make -s -j"$(nproc)" >/make.log 2>&1 || { tail -n 40 /make.log >&2; exit 1; }
# tidy.sh compiles the library in its own way; the installation's three times over would take a minute, and be removed.
make -s DESTDIR=/out COMPILEALL_OPTS=-l install >/install.log 2>&1 || { tail -n 40 /install.log >&2; exit 1; }
find /out/opt/python \( -name '*.so' -o -path '*/bin/python*' \) -type f -exec strip --strip-unneeded {} + 2>/dev/null || true
sh -eu /context/tidy.sh
