#!/bin/bash
# shellcheck disable=SC2154 # instance.sh sets run.
# Tests read the functions alone.
if [[ -z "${STRATA_SOURCED:-}" ]]; then
  mkdir -p "$run"
  exec 2> >(tee "$run/problem" >&2)
  trap '[[ $? -eq 0 ]] || touch "$run/failed"' EXIT
  main
fi
