#!/bin/sh
set -eu
mkdir -p /out/opt/strata/models
PYTHONPATH=/opt/gguf python3 /context/make_counting_model.py /out/opt/strata/models/counting.gguf
