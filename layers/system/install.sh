#!/bin/sh
# Runtime packages only. gcc and Python's headers are among them because Triton compiles a launcher for each
# kernel on the GPU host.
set -eu
export DEBIAN_FRONTEND=noninteractive
apt-get -qq update
# shellcheck disable=SC2046 # one package a line
apt-get -qq install --no-install-recommends $(grep -v '^#' /context/packages.txt) >/dev/null
groupadd --gid 1000 strata
useradd --uid 1000 --gid strata --create-home --shell /bin/bash strata
# What was installed, for the software bill of materials.
mkdir -p /usr/share/strata
dpkg-query --show --showformat '${Package} ${Version} ${Architecture}\n' | sort >/usr/share/strata/system-packages.txt
