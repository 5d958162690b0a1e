#!/bin/sh
# Runtime packages only. gcc and Python's headers are among them because Triton compiles a launcher for each
# kernel on the GPU host.
set -eu
export DEBIAN_FRONTEND=noninteractive
lists=/context/packages.txt
if [ -e /context/more-packages.txt ]; then lists="$lists /context/more-packages.txt"; fi
apt-get -qq update
# shellcheck disable=SC2046,SC2086 # one package a line, one list or two
apt-get -qq install --no-install-recommends $(grep -hv '^#' $lists) >/dev/null
# Docker's Ubuntu images bring a user with our number.
if getent passwd ubuntu >/dev/null; then userdel --remove ubuntu 2>/dev/null; fi
groupadd --gid 1000 strata
useradd --uid 1000 --gid strata --create-home --shell /bin/bash strata
if [ -n "${VOLUME:-}" ]; then install -d -o strata -g strata "$VOLUME"; fi
# What was installed, for the software bill of materials.
mkdir -p /usr/share/strata
dpkg-query --show --showformat '${Package} ${Version} ${Architecture}\n' | sort >/usr/share/strata/system-packages.txt
