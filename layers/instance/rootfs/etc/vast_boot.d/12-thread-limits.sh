#!/bin/bash
# As many threads as the container has cores; libraries count those of the host.
exports="$(instance thread-limits)" || return 1
eval "$exports"
