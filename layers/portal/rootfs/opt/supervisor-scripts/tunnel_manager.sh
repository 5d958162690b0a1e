#!/bin/sh
# Starts and watches Cloudflare tunnels; answers on 127.0.0.1:11112.
umask 077
unset PYTHONHOME PYTHONSTARTUP
export PYTHONPATH=/opt/portal-aio PYTHONSAFEPATH=1 PYTHONNOUSERSITE=1 PYTHONUNBUFFERED=1
exec /opt/services/bin/python -m tunnel_manager
