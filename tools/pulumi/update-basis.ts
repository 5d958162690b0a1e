import { createHash, type Hash } from "node:crypto";
import { lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import type { Config } from "../../config.ts";
import { type Home, isPackage, projectFolder, repository } from "../../home.ts";
import { keyName, signingKey } from "../../lib/attestation/sigstore-bundle.ts";
import { readCertificates } from "../../lib/certificates.ts";
import { soundsSecret } from "../../lib/secrets.ts";
import type { StackPlan } from "../../recipes/stack-plan.ts";
import { plannedStack } from "../stack/outputs.ts";
import { readOptional } from "../stack/stack.ts";

/**
 * What the outcome of an update hangs on, the registry aside: a hash each, by what people know it as. What is no file has a
 * name that none has.
 */
export type UpdateBasis = Readonly<Record<string, string>>;

/** A basis, and the plan that it is of. */
export interface PlannedBasis {
  readonly basis: UpdateBasis;
  readonly planned: StackPlan & { readonly config: Config };
}

/** What of the clone no update reads. */
const unread = [".git", ".github", ".strata", "docs", "node_modules", "tests"];

/** Words of commands, which the Makefile hands to each and npm to none. */
const otherWords = ["STRATA_COMMAND", "STRATA_LAYER", "STRATA_STACK"];

/**
 * The basis of an update of the stack `name` as things are now, and its plan. Services and tools count as they were set
 * up, so it is taken after that.
 */
export async function updateBasis(
  home: Home,
  name: string,
  environment: NodeJS.ProcessEnv = process.env,
  root = projectFolder,
): Promise<PlannedBasis> {
  const planned = await plannedStack(home, { name });
  const { plan, base, bill, checks, tags, labels, platform, memory, config } = planned;
  const stages = [...plan.stages, plan.product].map((stage) => [stage.name, stage.key]);
  const { sizeBudget } = config.selected.recipe;
  const wanted = [stages, plan.ports, base, bill, checks, tags, labels, platform, memory, sizeBudget];
  const packaged = isPackage
    ? { "the package": hashOf(JSON.stringify(fileHashes(repository, home.root))) }
    : {};
  return {
    planned,
    basis: {
      ...fileHashes(root, home.root),
      ...packaged,
      "the plan": hashOf(JSON.stringify(wanted)),
      "the environment": hashOf(JSON.stringify(relevant(environment))),
      "the certificates": hashOf(readCertificates(config.certificates) ?? ""),
      "the signing key": hashOf(await signingKeyName(config)),
      "Node's version": process.version,
      ...(await setUpHashes(home)),
    },
  };
}

/** Of a basis, what setting up may change. */
async function setUpHashes(home: Home): Promise<UpdateBasis> {
  return {
    "the toolchain": await hashOfFile(home.toolchain),
    "the services": await hashOfFile(home.services),
    "the base image": await hashOfFile(home.images),
  };
}

/**
 * A basis that was taken before things were set up, where that has changed nothing of it. What was edited since is not in it,
 * so the next run notices.
 */
export async function stillTrue(
  home: Home,
  taken: PlannedBasis | undefined,
): Promise<PlannedBasis | undefined> {
  if (!taken) return undefined;
  const now = Object.entries(await setUpHashes(home));
  return now.every(([name, hash]) => taken.basis[name] === hash) ? taken : undefined;
}

/** What differs, by name; a name that one of them lacks differs. */
export function differences(before: UpdateBasis, now: UpdateBasis): string[] {
  const names = new Set([...Object.keys(before), ...Object.keys(now)]);
  return [...names].filter((name) => before[name] !== now[name]).sort();
}

/** Contents and modes of all files of a clone that an update may read, by the name at its top. */
export function fileHashes(root: string, homeRoot: string): UpdateBasis {
  const names = readdirSync(root).filter((name) => !unread.includes(name) && !name.endsWith(".md"));
  return Object.fromEntries(
    names
      .filter((name) => join(root, name) !== homeRoot)
      .map((name) => {
        const hash = createHash("sha256");
        addPath(hash, join(root, name), homeRoot);
        return [name, hash.digest("hex")];
      }),
  );
}

function addPath(hash: Hash, path: string, homeRoot: string): void {
  const found = lstatSync(path);
  const kind = found.isDirectory() ? "folder" : found.isSymbolicLink() ? "link" : "file";
  hash.update(`${kind} ${path} ${found.mode & 0o111}\0`);
  if (kind === "link") hash.update(readlinkSync(path));
  else if (found.isFile()) hash.update(readFileSync(path));
  else if (kind === "folder") {
    for (const name of readdirSync(path).sort()) {
      const below = join(path, name);
      if (name !== "node_modules" && name !== "__pycache__" && below !== homeRoot) {
        addPath(hash, below, homeRoot);
      }
    }
  }
  hash.update("\0");
}

/** What the program, Pulumi and the engines read. Of a secret, whether it is there. */
function relevant(environment: NodeJS.ProcessEnv): (readonly [string, string])[] {
  return Object.entries(environment)
    .filter(([name]) => /^(STRATA|PULUMI|AWS|DOCKER|BUILDX|BUILDKIT)_/.test(name))
    .filter(([name]) => !otherWords.includes(name))
    .map(([name, value = ""]) => [name, soundsSecret(name) || /PASSPHRASE$/.test(name) ? "" : value] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

/** Of a file that may be missing. */
export async function hashOfFile(path: string): Promise<string> {
  return hashOf(await readOptional(path));
}

/** Of a key in a file, its name: the file may lie anywhere, and nothing is to be learnt of the key. */
async function signingKeyName({ sign }: Config): Promise<string> {
  if (sign?.kind !== "key" || "key" in sign) return "";
  const pem = await readOptional(sign.file);
  return pem === "" ? "absent" : keyName(signingKey(pem, sign.file));
}

function hashOf(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
