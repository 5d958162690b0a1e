#!/bin/bash
# Stands in for /.launch, which vast.ai starts instead of an image's entrypoint in all of its modes but `args`. What it does is
# told in their documentation ("Docker environment", "Creating instances with the API", "SSH"), the boot scripts of their base image,
# and its issue 141: sshd comes before onstart, and refuses a /run/sshd that is not root's with mode 0755. In one mode it has
# a part more, notebook.sh, and base images tell that mode by the part's text. A reboot starts all of it again.
set -u
printf 'C.%s\n' "$CONTAINER_ID" >/root/.vast_containerlabel
printf 'a stand-in key of this instance\n' >/root/.vast_api_key
printf 'Have fun!\n' >/etc/banner
printf 'stand-in\n' >/root/ports.log
printf '%s\n' "${ONSTART:-entrypoint.sh}" >/root/onstart.sh
chmod 700 /root/onstart.sh

mkdir -p /root/.ssh /run/sshd
chmod 700 /root/.ssh
printf '%s\n' "$SSH_PUBLIC_KEY" >/root/.ssh/authorized_keys
chmod 600 /root/.ssh/authorized_keys
ssh-keygen -A
/usr/sbin/sshd -E /var/log/launch-sshd.log || echo "launch: sshd does not start"

# THE PART MORE

(cd /root && exec bash /root/onstart.sh >/var/log/onstart.log 2>&1) &
# The first process is the platform's, and takes the ends of all others.
while :; do sleep 1; done
