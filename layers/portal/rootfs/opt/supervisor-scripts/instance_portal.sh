#!/bin/sh
# The instance's web page, on 127.0.0.1:11111; the door is what faces people.
umask 077
# Packages that people install elsewhere are not its own.
unset PYTHONHOME PYTHONSTARTUP
export PYTHONPATH=/opt/portal-aio PYTHONSAFEPATH=1 PYTHONNOUSERSITE=1 PYTHONUNBUFFERED=1
exec /opt/services/bin/python -m portal
