#!/bin/sh
# The image's own SSH server, where the platform runs none and there is a key to let in.
exec /opt/services/bin/python -Es /opt/strata/instance sshd
