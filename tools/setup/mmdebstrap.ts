import { createHash } from "node:crypto";
import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "../../errors.ts";
import { cache } from "../../home.ts";
import { attempt, tail } from "../program/exec.ts";
import { produce } from "../toolchain/produce.ts";

/** The time of every file that the bootstrap itself makes, and of the image: the first second of 2025, UTC. */
export const SOURCE_DATE_EPOCH = "1735689600";

/** Folders that no server needs; the copyright files stay, as the licences ask. Later apt installs leave them out too. */
const excluded = ["man", "info", "locale", "doc", "groff", "lintian", "linda"].map(
  (folder) => `path-exclude=/usr/share/${folder}/*`,
);
const included = ["path-include=/usr/share/doc/*/copyright", "path-include=/usr/share/locale/locale.alias"];

/**
 * Suites that are not released yet: their index says itself that it is old after a week, and mirrors that lag are used
 * all the same. What is signed is checked as ever.
 */
const testing: readonly string[] = ["forky"];

/**
 * The arguments that make a minimal Debian with a working apt as `tar`. No mirror is named: mmdebstrap knows the
 * suite's own, with security updates, and leaves it in the image's sources.
 */
export function mmdebstrapArguments(suite: string, tar: string): string[] {
  return [
    "--variant=minbase",
    "--quiet",
    ...[...excluded, ...included].map((option) => `--dpkgopt=${option}`),
    '--aptopt=APT::Install-Recommends "false"',
    '--aptopt=Acquire::Languages "none"',
    ...(testing.includes(suite) ? ['--aptopt=Acquire::Check-Valid-Until "false"'] : []),
    // Logs and caches carry the time and the machine's name.
    '--customize-hook=rm -rf "$1"/var/log/*.log "$1"/var/log/apt/* "$1"/var/cache/ldconfig/aux-cache',
    '--customize-hook=rm -f "$1"/var/cache/debconf/*-old "$1"/var/lib/dpkg/*-old',
    // Container engines bring /dev.
    // Container engines fill /dev; without the folder, every build step would add it to its layer.
    "--skip=output/mknod",
    '--customize-hook=rm -f "$1"/etc/hostname && : > "$1"/etc/resolv.conf',
    suite,
    tar,
  ];
}

/**
 * The folder of a build context: the root file system of Debian `suite`, and the Dockerfile that turns it into an image.
 * It is bootstrapped once a day (UTC) for all clones of this user, so that those made on one day share their keys;
 * former days' go.
 *
 * @param kept where these folders lie
 */
export async function rootContext(
  mmdebstrap: { readonly path: string; readonly version: string },
  suite: string,
  kept = join(cache, "base"),
  now = new Date(),
): Promise<string> {
  const made = createHash("sha256")
    .update(JSON.stringify([mmdebstrap.version, mmdebstrapArguments(suite, ""), SOURCE_DATE_EPOCH]))
    .digest("hex");
  const day = now.toISOString().slice(0, 10);
  const name = `${suite}-${made.slice(0, 8)}-${day}`;
  const folder = join(kept, name);
  await produce(folder, async (temporary) => {
    await mkdir(temporary);
    await bootstrap(mmdebstrap.path, suite, join(temporary, "rootfs.tar"));
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

async function bootstrap(mmdebstrap: string, suite: string, tar: string): Promise<void> {
  const result = await attempt(mmdebstrap, mmdebstrapArguments(suite, tar), { env: { SOURCE_DATE_EPOCH } });
  if (result.ok) return;
  throw new UserError(
    `base image of Debian ${suite}`,
    `mmdebstrap failed:\n${tail(result.all, 15)}\n`,
    "Check that this machine's apt reaches its mirror, and run the same command again.",
  );
}
