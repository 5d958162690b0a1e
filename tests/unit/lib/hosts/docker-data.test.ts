/** What an instance runs when it starts, with programs that stand in for lsblk, mkfs and the like. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { LONGEST_USER_DATA, userData } from "../../../../lib/hosts/fleet.ts";
import { script, temporaryFolder } from "../../support/folder.ts";

interface Disk {
  readonly name: string;
  readonly model: string;
  /** What lsblk says of mount points and file systems on it. */
  readonly used?: string;
}

const ebs: Disk = { name: "/dev/nvme0n1", model: "Amazon Elastic Block Store", used: "/" };
const own: Disk = { name: "/dev/nvme1n1", model: "Amazon EC2 NVMe Instance Storage" };

interface Machine {
  readonly disks: readonly Disk[];
  /** Whether the AMI has mounted a disk at /opt/dlami/nvme. */
  readonly mounted?: boolean;
  /** Lines of shell in the place of programs. */
  readonly programs?: Readonly<Record<string, string>>;
}

/** Starts an instance: what it called, and what it left in its state folder. */
function start(t: TestContext, { disks, mounted = false, programs = {} }: Machine) {
  const folder = temporaryFolder(t);
  const log = join(folder, "called");
  writeFileSync(log, "");
  const lsblk = [
    'case "$*" in',
    `  *NAME,TYPE,MODEL*) cat <<'END'`,
    ...disks.map(({ name, model }) => `${name} disk ${model}`),
    "END",
    "  ;;",
    ...disks.map(({ name, used = "" }) => `  *" ${name}") echo "${used}" ;;`),
    "esac",
  ].join("\n");
  const all = {
    lsblk,
    mountpoint: mounted ? "exit 0" : "exit 32",
    shutdown: "",
    "mkfs.ext4": "",
    mount: "",
    systemctl: "",
    docker: "",
    sleep: "",
    ...programs,
  };
  for (const [name, body] of Object.entries(all)) {
    const told = name === "lsblk" || name === "mountpoint" ? "" : `echo "${name} $*" >>${log}\n`;
    script(join(folder, "bin", name), `${told}${body}`);
  }
  const program = join(folder, "user-data");
  writeFileSync(program, userData(55));
  const root = join(folder, "root");
  mkdirSync(root);
  const { status } = spawnSync("bash", [program], {
    env: {
      PATH: `${join(folder, "bin")}:${process.env.PATH}`,
      STRATA_RUN: join(folder, "run"),
      STRATA_ROOT: root,
    },
  });
  const state = (name: string) => {
    const file = join(folder, "run", name);
    return existsSync(file) ? readFileSync(file, "utf8").trim() : undefined;
  };
  return {
    status,
    state,
    called: readFileSync(log, "utf8").replaceAll(root, "").trim().split("\n"),
  };
}

const moved = (to: string) => [
  "systemctl stop docker.socket docker containerd",
  `mount --bind ${to}/strata/docker /var/lib/docker`,
  `mount --bind ${to}/strata/containerd /var/lib/containerd`,
  "systemctl start containerd docker",
];

const end = "shutdown -P +55 strata: the time of this test is over";

test("with a disk of its own: it is made into one, and Docker's data goes there", (t) => {
  const { called, state, status } = start(t, { disks: [ebs, own] });
  assert.equal(status, 0);
  assert.deepEqual(called, [
    end,
    "mkfs.ext4 -q -F -O ^has_journal -E lazy_itable_init=1,nodiscard /dev/nvme1n1",
    "mount -o noatime /dev/nvme1n1 /mnt/strata",
    ...moved("/mnt/strata"),
    "docker ps --quiet",
  ]);
  assert.match(state("disk") ?? "", /^Docker's data is on \S+\/mnt\/strata$/);
  assert.equal(state("ready"), "");
  assert.equal(state("failed"), undefined);
});

test("with a disk that the AMI has mounted: it is used as it is", (t) => {
  const { called, state } = start(t, { disks: [ebs, { ...own, used: "LVM2_member" }], mounted: true });
  assert.deepEqual(called, [end, ...moved("/opt/dlami/nvme"), "docker ps --quiet"]);
  assert.equal(state("ready"), "");
});

test("without a disk of its own: Docker's data stays on the root volume", (t) => {
  const { called, state } = start(t, { disks: [ebs] });
  assert.deepEqual(called, [end, "docker ps --quiet"]);
  assert.equal(state("disk"), "Docker's data is on the root volume");
  assert.equal(state("ready"), "");
});

test("EBS volumes and disks that somebody uses are never formatted", (t) => {
  const more: Disk = { name: "/dev/nvme2n1", model: "Amazon Elastic Block Store" };
  const { called } = start(t, { disks: [ebs, more, { ...own, used: "/data ext4" }] });
  assert.ok(!called.some((line) => line.startsWith("mkfs")), called.join("\n"));
});

test("what goes wrong is left where the test looks for it, and the timer runs all the same", (t) => {
  for (const programs of [
    { "mkfs.ext4": "echo 'no such device' >&2; exit 1" },
    { mount: "echo 'cannot mount' >&2; exit 32" },
    { docker: "exit 1" },
  ]) {
    const { called, state } = start(t, { disks: [ebs, own], programs });
    assert.equal(called[0], end);
    assert.equal(state("ready"), undefined);
    assert.equal(state("failed"), "");
    assert.match(state("problem") ?? "", /no such device|cannot mount|Docker does not answer/);
  }
});

test("EC2 takes no longer user data", () => {
  assert.ok(Buffer.byteLength(userData(600)) < LONGEST_USER_DATA);
  assert.match(userData(12.4), /^#!\/bin\/bash\nMINUTES=13\n/);
});
