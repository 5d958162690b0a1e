#!/bin/sh
set -eu
sh -eu /context/install-packages.sh
