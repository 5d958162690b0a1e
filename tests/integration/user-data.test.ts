/**
 * What an EC2 instance runs when it starts, in a Debian container with a real disk: real mkfs, mounts and bind mounts.
 * What a container has not stands in: the system manager, Docker, and how lsblk calls the disk.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { userData } from "../../lib/hosts/fleet.ts";
import { mmdebstrapArguments } from "../../tools/debian/mmdebstrap.ts";
import { script } from "../unit/support/folder.ts";
import { clearPodman, makePodman, whyNoPodman } from "./support/podman.ts";

const skip = whyNoPodman() ?? whyNoDisk() ?? false;

/** A loop device needs root and a kernel that has them. */
function whyNoDisk(): string | undefined {
  try {
    execFileSync("losetup", ["--find"], { stdio: "ignore" });
    execFileSync("mmdebstrap", ["--version"], { stdio: "ignore" });
    return undefined;
  } catch {
    return "there is no loop device, or no mmdebstrap (Debian: mmdebstrap)";
  }
}

const folder = mkdtempSync(join(tmpdir(), "strata-user-data-"));
const shared = join(folder, "shared");
let podman: string;
let disk = "";

before(() => {
  if (skip) return;
  podman = makePodman(folder);
  const tar = join(folder, "debian.tar");
  execFileSync("mmdebstrap", mmdebstrapArguments("bookworm", tar), { stdio: "ignore" });
  execFileSync(podman, ["import", tar, "debian"], { stdio: "ignore" });
  const file = join(folder, "disk");
  writeFileSync(file, "");
  truncateSync(file, 256e6);
  disk = execFileSync("losetup", ["--show", "--find", file]).toString().trim();
  mkdirSync(shared);
  writeFileSync(join(shared, "user-data"), userData(55));
  const told = (name: string, text = "") => script(join(shared, "bin", name), `echo "${name} $*"\n${text}`);
  told("shutdown");
  told("systemctl");
  // It keeps something where Docker does, as soon as it is asked.
  told("docker", "mkdir -p /var/lib/docker && touch /var/lib/docker/layer");
  const root = "/dev/nvme0n1 disk Amazon Elastic Block Store";
  for (const [name, disks] of Object.entries({
    with: [root, `${disk} disk Amazon EC2 NVMe Instance Storage`],
    without: [root],
  })) {
    const lines = ['case "$*" in', "*NAME,TYPE,MODEL*) cat <<'END'", ...disks, "END", ";;"];
    script(join(shared, name, "lsblk"), [...lines, '*) exec /usr/bin/lsblk "$@" ;;', "esac"].join("\n"));
  }
});

after(() => {
  if (!skip) {
    clearPodman(folder);
    if (disk) execFileSync("losetup", ["--detach", disk]);
  }
  rmSync(folder, { recursive: true, force: true });
});

/** Starts an instance in a container, then asks it something: the answers, a line each. */
function start(disks: "with" | "without", ...questions: string[]): string[] {
  const path = `/shared/${disks}:/shared/bin:/usr/sbin:/usr/bin:/sbin:/bin`;
  const run = ["run", "--rm", "--privileged", "--network", "none", "--volume", `${shared}:/shared:ro`];
  const steps = ["bash /shared/user-data >/tmp/said 2>&1 || true", ...questions];
  return execFileSync(podman, [...run, "--env", `PATH=${path}`, "debian", "sh", "-c", steps.join("\n")])
    .toString()
    .trim()
    .split("\n");
}

test("with an NVMe disk, Docker's and containerd's data lie on it, in a file system without a journal", {
  skip,
}, () => {
  const answers = start(
    "with",
    "cat /run/strata/disk",
    "for data in docker containerd; do findmnt --noheadings --output SOURCE,FSTYPE /var/lib/$data; done",
    "ls /mnt/strata/strata/docker",
    `dumpe2fs -h ${disk} 2>/dev/null | grep -c has_journal`,
    "ls /run/strata",
    "grep -c shutdown /tmp/said",
  );
  assert.deepEqual(
    answers.map((answer) => answer.replace(/\s+/g, " ")),
    [
      "Docker's data is on /mnt/strata",
      `${disk}[/strata/docker] ext4`,
      `${disk}[/strata/containerd] ext4`,
      "layer",
      "0",
      ...["disk", "problem", "ready"],
      "1",
    ],
  );
});

test("without one, nothing is formatted or mounted, and the instance is ready", { skip }, () => {
  const answers = start(
    "without",
    "cat /run/strata/disk",
    "findmnt --noheadings /var/lib/docker | wc --lines",
    "ls /run/strata",
    "cat /tmp/said",
  );
  assert.deepEqual(answers, [
    "Docker's data is on the root volume",
    "0",
    ...["disk", "problem", "ready"],
    "shutdown -P +55 strata: the time of this test is over",
  ]);
});

test("a disk that cannot be formatted fails the start, says why, and the timer runs all the same", {
  skip,
}, () => {
  script(join(shared, "with", "mkfs.ext4"), "echo 'no such device' >&2; exit 1");
  const answers = start("with", "cat /run/strata/problem", "ls /run/strata", "grep -c shutdown /tmp/said");
  assert.deepEqual(answers, ["no such device", "failed", "problem", "1"]);
});
