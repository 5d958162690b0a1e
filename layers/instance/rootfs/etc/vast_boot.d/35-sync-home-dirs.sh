#!/bin/bash
# --sync-home: home folders are kept in the workspace, SSH's keys are not.
if [ "${STRATA_BOOT_SYNC_HOME:-false}" = true ]; then instance sync-homes; fi
