import { createHash } from "node:crypto";
import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "../../errors.ts";
import { cache, repository } from "../../home.ts";
import { type AptLock, fetchList, lockedClosure } from "../../lib/locks/apt-lock.ts";
import { attempt, tail } from "../program/exec.ts";
import { produce } from "../toolchain/produce.ts";
import { fetchPackages, suiteOptions } from "./resolve-apt.ts";

/** The time of every file that the bootstrap itself makes, and of the image: the first second of 2025, UTC. */
export const SOURCE_DATE_EPOCH = "1735689600";

/** Folders that no server needs; the copyright files stay, as the licences ask. Later apt installs leave them out too. */
const excluded = ["man", "info", "locale", "doc", "groff", "lintian", "linda"].map(
  (folder) => `path-exclude=/usr/share/${folder}/*`,
);
const included = ["path-include=/usr/share/doc/*/copyright", "path-include=/usr/share/locale/locale.alias"];

/**
 * The arguments that make a minimal Debian with a working apt as `tar`. No mirror is named: mmdebstrap knows the
 * suite's own, with security updates, and leaves it in the image's sources.
 *
 * @param locked where the list of locked packages is, and where these are put
 */
export function mmdebstrapArguments(suite: string, tar: string, locked?: LockedBase): string[] {
  return [
    "--variant=minbase",
    "--quiet",
    ...[...excluded, ...included].map((option) => `--dpkgopt=${option}`),
    '--aptopt=APT::Install-Recommends "false"',
    '--aptopt=Acquire::Languages "none"',
    ...suiteOptions(suite),
    // Logs and caches carry the time and the machine's name.
    '--customize-hook=rm -rf "$1"/var/log/*.log "$1"/var/log/apt/* "$1"/var/cache/ldconfig/aux-cache',
    '--customize-hook=rm -f "$1"/var/cache/debconf/*-old "$1"/var/lib/dpkg/*-old',
    // Container engines bring /dev.
    // Container engines fill /dev; without the folder, every build step would add it to its layer.
    "--skip=output/mknod",
    ...(locked
      ? [
          `--setup-hook=sh -eu ${join(repository, "tools", "debian", "locked-base.sh")} ${fetchPackages} ${locked.list} ${locked.folder} "$1"`,
          '--customize-hook=rm "$1"/etc/apt/sources.list.d/locked.list "$1"/etc/apt/preferences.d/locked',
        ]
      : []),
    '--customize-hook=rm -f "$1"/etc/hostname && : > "$1"/etc/resolv.conf',
    suite,
    tar,
  ];
}

interface LockedBase {
  readonly list: string;
  readonly folder: string;
}

/** What a base is made of, and where those that were made are kept. */
interface RootOptions {
  /** The packages; without them those of the day. */
  readonly lock?: AptLock | undefined;
  readonly kept?: string;
  readonly now?: Date;
}

/**
 * The folder of a build context: the root file system of Debian `suite`, and the Dockerfile that turns it into an image.
 * With a lock it is the same on every machine and day. Without, it is bootstrapped once a day (UTC) for all clones of
 * this user, so that those made on one day share their keys; former days' go.
 */
export async function rootContext(
  mmdebstrap: { readonly path: string; readonly version: string },
  suite: string,
  { lock, kept = join(cache, "base"), now = new Date() }: RootOptions = {},
): Promise<string> {
  const list = lock ? fetchList(lock, lockedClosure(lock, lock.base).locked) : "";
  const made = createHash("sha256")
    .update(JSON.stringify([mmdebstrap.version, mmdebstrapArguments(suite, ""), SOURCE_DATE_EPOCH, list]))
    .digest("hex");
  const day = now.toISOString().slice(0, 10);
  const name = `${suite}-${made.slice(0, 8)}-${lock ? "locked" : day}`;
  const folder = join(kept, name);
  await produce(folder, async (temporary) => {
    await mkdir(temporary);
    const tar = join(temporary, "rootfs.tar");
    const locked = { list: join(temporary, "packages.txt"), folder: join(temporary, "packages") };
    if (lock) await writeFile(locked.list, list);
    await bootstrap(mmdebstrap.path, suite, mmdebstrapArguments(suite, tar, lock ? locked : undefined));
    await rm(locked.folder, { recursive: true, force: true });
    await rm(locked.list, { force: true });
    await writeFile(join(temporary, "Dockerfile"), 'FROM scratch\nADD rootfs.tar /\nCMD ["bash"]\n');
  });
  for (const other of await readdir(kept)) {
    const [, otherDay] = DAYS_FOLDER.exec(other) ?? [];
    if (other.startsWith(`${suite}-`) && otherDay !== undefined && otherDay < day) {
      await rm(join(kept, other), { recursive: true, force: true });
    }
  }
  return folder;
}

const DAYS_FOLDER = /-(\d{4}-\d\d-\d\d)$/;

async function bootstrap(mmdebstrap: string, suite: string, words: readonly string[]): Promise<void> {
  const result = await attempt(mmdebstrap, words, { env: { SOURCE_DATE_EPOCH } });
  if (result.ok) return;
  throw new UserError(
    `base image of Debian ${suite}`,
    `mmdebstrap failed:\n${tail(result.all, 15)}\n`,
    "Check that this machine's apt reaches its mirror, and run the same command again.",
  );
}
