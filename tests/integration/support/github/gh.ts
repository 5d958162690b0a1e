import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { execa } from "execa";
import { cache } from "../../../../home.ts";
import { executables } from "../../../../tools/toolchain/find.ts";

/** GitHub's own command line, which every runner of theirs has: from PATH, else from Debian's package; or why there is none. */
export async function findGh(): Promise<
  { path: string; missing?: never } | { path?: never; missing: string }
> {
  const [installed] = executables("gh", process.env.PATH ?? "");
  if (installed) return { path: installed };
  const kept = join(cache, "gh");
  const path = join(kept, "usr/bin/gh");
  if (existsSync(path)) return { path };
  mkdirSync(cache, { recursive: true });
  const draft = mkdtempSync(join(cache, ".gh-"));
  try {
    await execa("apt-get", ["download", "--quiet", "gh"], { cwd: draft });
    const [archive = ""] = readdirSync(draft);
    await execa("dpkg-deb", ["--extract", join(draft, archive), join(draft, "tree")]);
    renameSync(join(draft, "tree"), kept);
    return { path };
  } catch (error) {
    return {
      missing: `there is no gh, and Debian's package cannot be had: ${(error as Error).message.split("\n")[0]}`,
    };
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}
