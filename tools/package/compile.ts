import { cpSync, globSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { repository } from "../../home.ts";
import { provenanceFile, readProvenance } from "../../recipes/provenance.ts";
import { run } from "../program/exec.ts";

/** What lies beside the compiled code as it does in a clone, so that nothing has to look for it elsewhere. */
const carried = [
  "layers/**",
  "lib/hosts/*.sh",
  "locks/**",
  "recipes/models/*",
  "recipes/workflows/*",
  "smoke/{Dockerfile,run.py}",
  "smoke/{checks,lib}/**",
  "tools/go/**",
  "tools/lock/node_classes/*",
  "tools/package/strata.sh",
  "tools/shell/*.sh",
];
const notCarried = /\.ts$|(^|\/)__pycache__(\/|$)/;

/** strata as JavaScript with its types, and all that it reads, in the folder `target`: Node runs no TypeScript of a package. */
export async function compilePackage(target: string): Promise<void> {
  // What a former version had must not stay.
  await rm(target, { recursive: true, force: true });
  const tsc = join(repository, "node_modules/typescript/bin/tsc");
  const project = join(repository, "tsconfig.package.json");
  await run(process.execPath, [tsc, "--project", project, "--outDir", target]);
  for (const path of globSync(carried, { cwd: repository })) {
    const source = join(repository, path);
    if (notCarried.test(path) || !statSync(source).isFile()) continue;
    mkdirSync(dirname(join(target, path)), { recursive: true });
    cpSync(source, join(target, path));
  }
  // In somebody's project git would tell of that.
  const labels = readProvenance(repository, { folder: undefined });
  writeFileSync(join(target, provenanceFile), `${JSON.stringify(labels)}\n`);
}
