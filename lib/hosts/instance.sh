#!/bin/bash
# What every EC2 instance of strata runs first: lib/hosts/fleet.ts puts it between settings (`MINUTES=…`) and what this
# one is for. It ends itself in time. STRATA_RUN and STRATA_ROOT are for tests.
set -euo pipefail
# A failure counts in $(…) as well.
shopt -s inherit_errexit

# shellcheck disable=SC2034 # What comes behind uses it.
run="${STRATA_RUN:-/run/strata}"
root="${STRATA_ROOT:-}"

# Usage: end_in MINUTES. The launch template says that an instance that shuts down is terminated.
end_in() {
  shutdown -P "+$1" "strata: the time of this $PURPOSE is over"
}

# Prints the instance's own disks that nothing uses, a line each. EBS volumes are NVMe devices too; their model differs.
own_disks() {
  lsblk --nodeps --noheadings --paths --output NAME,TYPE,MODEL | while read -r name kind model; do
    [[ "$kind" == disk && "$model" == "Amazon EC2 NVMe Instance Storage"* ]] || continue
    [[ -z "$(lsblk --noheadings --output MOUNTPOINTS,FSTYPE "$name" | tr -d '[:space:]')" ]] || continue
    echo "$name"
  done
}

# Prints a folder on the instance's own disk; nothing where there is none. The Deep Learning AMIs mount it themselves.
own_folder() {
  local mounted="$root/opt/dlami/nvme" disk
  if mountpoint --quiet "$mounted"; then
    echo "$mounted"
    return
  fi
  disk="$(own_disks | head -n 1)"
  [[ -n "$disk" ]] || return 0
  mounted="$root/mnt/strata"
  mkdir -p "$mounted"
  # Nothing on it survives the instance: no journal, and nothing is checked.
  mkfs.ext4 -q -F -O ^has_journal -E lazy_itable_init=1,nodiscard "$disk" >&2
  mount -o noatime "$disk" "$mounted" >&2
  echo "$mounted"
}
