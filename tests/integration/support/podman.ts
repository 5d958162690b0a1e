import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { script } from "../../unit/support/folder.ts";

/** Why containers cannot be run here, if so. */
export function whyNoPodman(): string | undefined {
  try {
    execFileSync("podman", ["--version"], { stdio: "ignore" });
    execFileSync("runc", ["--version"], { stdio: "ignore" });
    return undefined;
  } catch {
    return "there is no podman with runc (Debian: podman, runc)";
  }
}

/**
 * podman with storage of its own in `folder`, and with what a container without a system manager needs.
 *
 * @param driver of its storage; with `vfs` containers may have users of their own on any kernel
 * @returns the path of the program, `podman` in `folder`/bin
 */
export function makePodman(folder: string, driver: "overlay" | "vfs" = "overlay"): string {
  const own = `--storage-driver ${driver} --root ${folder}/storage --runroot ${folder}/run --cgroup-manager cgroupfs --runtime runc`;
  return script(
    join(folder, "bin", "podman"),
    [
      'verb="$1"',
      "shift",
      `case "$verb" in create | run) set -- --ulimit nofile=1024:1024 --ulimit nproc=1024:1024 "$@" ;; esac`,
      `exec /usr/bin/podman ${own} "$verb" "$@"`,
    ].join("\n"),
  );
}

/** Ends what `makePodman` ran and kept, so that `folder` can be removed. */
export function clearPodman(folder: string): void {
  execFileSync(join(folder, "bin", "podman"), ["rm", "--all", "--force"], { stdio: "ignore" });
  try {
    // podman leaves its folder mounted on itself once an image was unpacked.
    execFileSync("umount", [join(folder, "storage/overlay")], { stdio: "ignore" });
  } catch {
    // Nothing was.
  }
}
