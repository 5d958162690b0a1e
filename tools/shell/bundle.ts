/** What runs in a bundle, and how. */
export interface Bundle {
  readonly hostname: string;
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** Whether the caller's terminal is handed on. */
  readonly terminal: boolean;
  /** Folders of this machine that are there, to be read. */
  readonly folders?: readonly { readonly source: string; readonly destination: string }[];
}

/** What Docker leaves a root user by default. */
const capabilities = [
  "CHOWN",
  "DAC_OVERRIDE",
  "FSETID",
  "FOWNER",
  "MKNOD",
  "NET_RAW",
  "SETGID",
  "SETUID",
  "SETFCAP",
  "SETPCAP",
  "NET_BIND_SERVICE",
  "SYS_CHROOT",
  "KILL",
  "AUDIT_WRITE",
].map((name) => `CAP_${name}`);

const noMischief = ["nosuid", "noexec", "nodev"];

/**
 * `config.json` of an OCI bundle (https://github.com/opencontainers/runtime-spec) as runc takes it: namespaces of its
 * own for all but the network, which is the machine's, with its name servers.
 */
export function bundleConfig({ hostname, args, environment, terminal, folders = [] }: Bundle): object {
  const readable = (source: string, destination = source) => ({
    destination,
    type: "bind",
    source,
    options: ["bind", "ro"],
  });
  return {
    ociVersion: "1.0.2",
    process: {
      terminal,
      user: { uid: 0, gid: 0 },
      args,
      env: Object.entries(environment).map(([name, value]) => `${name}=${value}`),
      cwd: "/",
      capabilities: { bounding: capabilities, effective: capabilities, permitted: capabilities },
    },
    root: { path: "rootfs" },
    hostname,
    mounts: [
      { destination: "/proc", type: "proc", source: "proc" },
      { destination: "/dev", type: "tmpfs", source: "tmpfs", options: ["nosuid", "mode=755"] },
      {
        destination: "/dev/pts",
        type: "devpts",
        source: "devpts",
        options: ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"],
      },
      { destination: "/dev/shm", type: "tmpfs", source: "shm", options: [...noMischief, "mode=1777"] },
      { destination: "/sys", type: "sysfs", source: "sysfs", options: [...noMischief, "ro"] },
      readable("/etc/resolv.conf"),
      readable("/etc/hosts"),
      ...folders.map(({ source, destination }) => readable(source, destination)),
    ],
    linux: {
      namespaces: ["pid", "ipc", "uts", "mount"].map((type) => ({ type })),
      resources: { devices: [{ allow: false, access: "rwm" }] },
      maskedPaths: ["/proc/kcore", "/proc/keys", "/proc/sysrq-trigger", "/sys/firmware"],
      readonlyPaths: ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys"],
    },
  };
}
