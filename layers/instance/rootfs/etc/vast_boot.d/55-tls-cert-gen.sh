#!/bin/bash
# A certificate, where HTTPS is wanted: vast.ai's, or else one that nobody signed.
if [ "${STRATA_BOOT_CERT_GEN:-true}" = true ]; then
  exports="$(instance tls)" || return 1
  eval "$exports"
fi
