#!/bin/sh
# Installs the packages of the distribution that the layer names, as the lock has them: what it holds needs no index and
# comes out the same on any day. Names that the lock does not have come as the archive has them today.
set -eu
export DEBIAN_FRONTEND=noninteractive
if [ -s /context/locked-packages.txt ]; then
  # What the base has in this version stays.
  dpkg-query --show --showformat '${db:Status-Status} ${Package} ${Version} \n' |
    sed -n 's/^installed /package /p' >/tmp/installed
  grep -v -F -f /tmp/installed /context/locked-packages.txt >/tmp/wanted || true
  if ! gone="$(sh -eu /context/fetch-packages.sh /tmp/wanted /tmp/packages)"; then
    printf '%s\n' "Neither the archive nor its snapshots can be asked for these versions any more:" "$gone" \
      'Run `npm run lock -- packages`, which takes what there is today, or open the way to the snapshot service.' >&2
    exit 1
  fi
  set -- /tmp/packages/*.deb
  if [ -e "$1" ]; then
    apt-get -qq install --no-install-recommends --allow-downgrades "$@" >/dev/null
  fi
fi
if [ -s /context/packages.txt ]; then
  apt-get -qq update
  # shellcheck disable=SC2046 # one package a line
  apt-get -qq install --no-install-recommends $(cat /context/packages.txt) >/dev/null
fi
