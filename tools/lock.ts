import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import Table from "cli-table3";
import { throwAll, UserError } from "../errors.ts";
import { cudaVersions, type PythonVersion } from "../lib/compatibility.ts";
import { type LockName, lockHeader, lockInputs, lockPath, lockProblem } from "../lib/lock-inputs.ts";
import { parseNodeLock } from "../lib/node-lock.ts";
import { parsePythonLock } from "../lib/python-lock.ts";
import { recipeNames, recipes } from "../recipes/index.ts";
import { run } from "./exec.ts";
import { cache, repository } from "./home.ts";
import { main } from "./main.ts";
import { note, step } from "./progress.ts";

/** The uv that resolves; the same version is locked for the builds. */
const uvVersion = "0.13.8";

/** Pythons that locks are kept for: those of the base images in locks/images.json. */
const lockedPythons: readonly PythonVersion[] = ["3.11", "3.12"];

/** Wheels must run on the oldest base image: Debian bookworm has glibc 2.36. */
const platform = "x86_64-manylinux_2_36";

const nodeLock = parseNodeLock(readFileSync(join(repository, "locks/nodes.json"), "utf8"));

/** `npm run lock -- [python] [--check]`: resolves every recipe's requirements anew, or checks the locks. */
await main(async () => {
  const { values, positionals } = parseArgs({
    options: { check: { type: "boolean" } },
    allowPositionals: true,
  });
  const unknown = positionals.filter((what) => what !== "python");
  if (unknown.length > 0) {
    throw new UserError(
      unknown.join(" "),
      "is not a lock that can be refreshed.",
      "Use: npm run lock -- python",
    );
  }
  const names: LockName[] = recipeNames.flatMap((recipe) =>
    lockedPythons.flatMap((python) => cudaVersions.map((cuda) => ({ recipe, python, cuda }))),
  );
  if (values.check) return check(names);

  const uv = await installUv();
  const resolved = [];
  for (const name of names) {
    const text = await step(`Resolving ${lockPath(name)}`, () => resolve(uv, name));
    resolved.push({ name, text });
  }
  // Only now, when all went well: a failure half-way changes no file.
  for (const { name, text } of resolved) {
    const path = join(repository, lockPath(name));
    printMoves(name, existsSync(path) ? readFileSync(path, "utf8") : "", text);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(`${path}.new`, text);
    renameSync(`${path}.new`, path);
  }
  return 0;
});

function check(names: readonly LockName[]): number {
  throwAll(
    "locks/python",
    names.flatMap((name) => {
      const path = join(repository, lockPath(name));
      if (!existsSync(path))
        return [new UserError(lockPath(name), "is missing.", "Run `npm run lock -- python`.")];
      const text = readFileSync(path, "utf8");
      const problem = lockProblem(
        name,
        recipes[name.recipe as keyof typeof recipes],
        lockInputs(recipes[name.recipe as keyof typeof recipes], name, nodeLock),
        text,
      );
      if (!problem) parsePythonLock(text, lockPath(name));
      return problem ? [problem] : [];
    }),
  );
  note(`${names.length} Python locks fit their inputs.`);
  return 0;
}

async function resolve(uv: string, name: LockName): Promise<string> {
  const inputs = lockInputs(recipes[name.recipe as keyof typeof recipes], name, nodeLock);
  const folder = mkdtempSync(join(tmpdir(), "strata-lock-"));
  try {
    writeFileSync(join(folder, "requirements.in"), `${inputs.join("\n")}\n`);
    const body = await run(
      uv,
      [
        ...["pip", "compile", "requirements.in", "--no-header", "--no-emit-index-url", "--generate-hashes"],
        ...["--python-version", name.python, "--python-platform", platform, "--upgrade", "--quiet"],
      ],
      { cwd: folder, remedy: `The requirements of ${name.recipe} do not fit together; uv says which.` },
    );
    const text = `${body.trimEnd()}\n`;
    return `${lockHeader(name, recipes[name.recipe as keyof typeof recipes], inputs, text)}${text}`;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** uv from its wheel, kept in the cache: the lock must come from the version that the builds install with. */
async function installUv(): Promise<string> {
  const folder = join(cache, `uv-${uvVersion}`);
  const uv = join(folder, "bin", "uv");
  if (!existsSync(uv)) {
    await step(`Installing uv ${uvVersion}`, () =>
      run("python3", ["-m", "pip", "install", "--quiet", "--target", folder, `uv==${uvVersion}`], {
        remedy: "Install Python 3 with pip, or check the network.",
      }),
    );
  }
  return uv;
}

function printMoves(name: LockName, before: string, after: string): void {
  const versions = (text: string) =>
    new Map([...(text ? parsePythonLock(text, "") : [])].map(([key, { version }]) => [key, version]));
  const [old, now] = [versions(before), versions(after)];
  const moved = [...new Set([...old.keys(), ...now.keys()])]
    .sort()
    .filter((key) => old.get(key) !== now.get(key));
  note(`${lockPath(name)}: ${moved.length} of ${now.size} packages moved`);
  if (moved.length === 0 || old.size === 0) return;
  const table = new Table({ head: ["package", "old", "new"], style: { head: [], border: [] } });
  table.push(...moved.map((key) => [key, old.get(key) ?? "", now.get(key) ?? ""]));
  note(table.toString());
}
