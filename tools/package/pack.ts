import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { repository } from "../../home.ts";
import { run } from "../program/exec.ts";
import { compilePackage } from "./compile.ts";

/** What a package has beside its code, as `files` of package.json says, and what npm takes in any case. */
const besideCode = ["README.md", "LICENSE", "CHANGELOG.md", "docs"];

/** Makes the package that `npm install` takes, in `folder`; the clone gets nothing. Returns its file. */
export async function packPackage(folder: string): Promise<string> {
  const draft = await mkdtemp(join(tmpdir(), "strata-package-"));
  try {
    await compilePackage(join(draft, "dist"));
    for (const path of besideCode) cpSync(join(repository, path), join(draft, path), { recursive: true });
    writeFileSync(join(draft, "package.json"), `${JSON.stringify(packageManifest(), null, 2)}\n`);
    const destination = resolve(folder);
    await mkdir(destination, { recursive: true });
    const words = ["pack", "--silent", "--pack-destination", destination];
    const name = await run("npm", words, { cwd: draft });
    return join(destination, name.trim());
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

/** package.json without what is a clone's business: npm would warn of `prepare`, which nobody runs in a package. */
function packageManifest(): object {
  const { scripts, devDependencies, ...manifest } = JSON.parse(
    readFileSync(join(repository, "package.json"), "utf8"),
  );
  return manifest;
}
