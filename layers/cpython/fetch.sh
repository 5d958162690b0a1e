#!/bin/sh
# What CPython is compiled with, from the distribution, and its source as its makers release it: Debian keeps the very
# file, so that the distribution's own mirror is asked first. The hash decides.
set -eu
sh -eu /context/install-packages.sh
# Its addresses are asked for below.
apt-get -qq update
. /context/trust.sh

# Prints where it may be.
addresses() {
  if [ -n "$PACKAGE" ]; then
    apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | sort -u |
      sed "s#/*\$#/pool/main/p/$PACKAGE/${PACKAGE}_$VERSION.orig.tar.xz#"
  fi
  printf '%s\n' "$URL"
}

for address in $(addresses); do
  if /usr/lib/apt/apt-helper ${SSL_CERT_FILE:+-o "Acquire::https::CAInfo=$SSL_CERT_FILE"} \
    download-file "$address" /source.tar.xz "SHA256:$HASH" >/dev/null 2>/tmp/refusal; then
    exit 0
  fi
  printf '%s: %s\n' "$address" "$(tail -n 1 /tmp/refusal)" >&2
done
echo "The source of CPython $VERSION cannot be had at any of these addresses." >&2
exit 1
