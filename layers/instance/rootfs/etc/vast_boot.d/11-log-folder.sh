#!/bin/bash
# Every user's programs may log to where the portal reads.
mkdir -p /var/log/portal && chmod 1777 /var/log/portal
