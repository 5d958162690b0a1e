#!/bin/sh
# What a container of one's own needs of its system, once the packages are there. Nothing that is to be secret or of one
# container may come with the image: SSH's host keys and the machine's number are made when it starts.
set -eu
rm -f /etc/ssh/ssh_host_* /etc/machine-id /var/lib/dbus/machine-id
# The platform's own sshd refuses this folder where it is anybody else's.
rm -rf /run/sshd
# In root's group, as who rents the machine expects it; a password opens nothing.
useradd --uid 1001 --gid 0 --create-home --shell /bin/bash user
chmod 0750 /home/user
install -d -m 0750 /etc/sudoers.d
printf 'user ALL=(ALL) NOPASSWD: ALL\n' >/etc/sudoers.d/user
chmod 0440 /etc/sudoers.d/user
visudo --check --quiet
# Filters for all users; without a repository there are no hooks to write.
git lfs install --system --skip-repo >/dev/null
install -d -m 0755 /workspace
