#!/bin/sh
# Python from the distribution: the same that the product has, so that what it compiles fits.
set -eu
export DEBIAN_FRONTEND=noninteractive
apt-get -qq update
apt-get -qq install --no-install-recommends python3 >/dev/null
