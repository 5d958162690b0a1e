#!/bin/bash
# Makes an EC2 instance ready for one test: it ends itself in time, and Docker's data lies on the instance's own disk
# where there is one. lib/hosts/fleet.ts puts `MINUTES=…` in front. STRATA_RUN and STRATA_ROOT are for tests.
set -euo pipefail
# A failure counts in $(…) as well.
shopt -s inherit_errexit

run="${STRATA_RUN:-/run/strata}"
root="${STRATA_ROOT:-}"

# Usage: end_in MINUTES. The launch template says that an instance that shuts down is terminated.
end_in() {
  shutdown -P "+$1" "strata: the time of this test is over"
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

# Usage: move_data FOLDER. What Docker and containerd keep goes below FOLDER, under the names that they know.
move_data() {
  local service data
  systemctl stop docker.socket docker containerd >&2 || true
  for service in docker containerd; do
    data="$root/var/lib/$service"
    mkdir -p "$1/strata/$service" "$data"
    mount --bind "$1/strata/$service" "$data" >&2
  done
  systemctl start containerd docker >&2
}

main() {
  local folder
  mkdir -p "$run"
  end_in "$MINUTES"
  folder="$(own_folder)"
  if [[ -n "$folder" ]]; then
    move_data "$folder"
    echo "Docker's data is on $folder" >"$run/disk"
  else
    echo "Docker's data is on the root volume" >"$run/disk"
  fi
  for _ in $(seq 60); do
    if docker ps --quiet >/dev/null 2>&1; then
      touch "$run/ready"
      return
    fi
    sleep 2
  done
  echo "Docker does not answer" >&2
  return 1
}

# Tests read the functions alone.
if [[ -z "${STRATA_SOURCED:-}" ]]; then
  mkdir -p "$run"
  exec 2> >(tee "$run/problem" >&2)
  trap '[[ $? -eq 0 ]] || touch "$run/failed"' EXIT
  main
fi
