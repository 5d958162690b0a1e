#!/bin/sh
# Python from the distribution: the same that the product has, so that what it compiles fits.
set -eu
sh -eu /context/install-packages.sh
