import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "../../errors.ts";
import { attempt, tail } from "../program/exec.ts";

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
 */
export function mmdebstrapArguments(suite: string, tar: string): string[] {
  return [
    "--variant=minbase",
    "--quiet",
    ...[...excluded, ...included].map((option) => `--dpkgopt=${option}`),
    '--aptopt=APT::Install-Recommends "false"',
    '--aptopt=Acquire::Languages "none"',
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

/** Makes a build context in `folder`: the root file system and the Dockerfile that turns it into an image. */
export async function makeRootContext(mmdebstrap: string, suite: string, folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const result = await attempt(mmdebstrap, mmdebstrapArguments(suite, join(folder, "rootfs.tar")), {
    env: { SOURCE_DATE_EPOCH },
  });
  if (!result.ok) {
    throw new UserError(
      `base image of Debian ${suite}`,
      `mmdebstrap failed:\n${tail(result.all, 15)}\n`,
      "Check that this machine's apt reaches its mirror, and run the same command again.",
    );
  }
  await writeFile(join(folder, "Dockerfile"), 'FROM scratch\nADD rootfs.tar /\nCMD ["bash"]\n');
}
