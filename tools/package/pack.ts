import { cpSync } from "node:fs";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { repository } from "../../home.ts";
import { run } from "../program/exec.ts";
import { compilePackage } from "./compile.ts";

/** What a package has beside its code, as `files` of package.json says, and what npm takes in any case. */
const besideCode = ["package.json", "README.md", "LICENSE", "CHANGELOG.md", "docs"];

/** Makes the package that `npm install` takes, in `folder`; the clone gets nothing. Returns its file. */
export async function packPackage(folder: string): Promise<string> {
  const draft = await mkdtemp(join(tmpdir(), "strata-package-"));
  try {
    await compilePackage(join(draft, "dist"));
    for (const path of besideCode) cpSync(join(repository, path), join(draft, path), { recursive: true });
    const destination = resolve(folder);
    await mkdir(destination, { recursive: true });
    // It is compiled already; `prepare` would do so again, and not find how.
    const words = ["pack", "--ignore-scripts", "--silent", "--pack-destination", destination];
    const name = await run("npm", words, { cwd: draft });
    return join(destination, name.trim());
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}
