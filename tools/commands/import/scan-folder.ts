import { createHash } from "node:crypto";
import {
  createReadStream,
  type Dirent,
  existsSync,
  lstatSync,
  readdirSync,
  readFileSync,
  statSync,
} from "node:fs";
import { join, relative, resolve } from "node:path";
import { pipeline } from "node:stream/promises";
import { UserError } from "../../../errors.ts";
import type { ComfyUiFolder, NodeFolder } from "../../../lib/import/comfyui-folder.ts";
import type { ModelClaim } from "../../../lib/import/found-model.ts";
import type { GitFiles } from "../../../lib/import/git-files.ts";

/** No file that is read whole is this long in any installation. */
const LONGEST = 1 << 20;
/** Where installations have their Python. */
const environments = ["venv", ".venv", "../venv", "../.venv", "../python_embeded", "../python_embedded"];
/** Text beside models: it says what belongs there. */
const noModel =
  /^put_.*_here$|\.(txt|md|json|ya?ml|py|png|jpe?g|webp|gitkeep|metadata|lock|incomplete)$|^\./i;

/** The folder of ComfyUI itself: a portable installation has it one below. */
export function comfyUiIn(path: string): string | undefined {
  return [path, join(path, "ComfyUI")].find(
    (folder) => existsSync(join(folder, "main.py")) && existsSync(join(folder, "custom_nodes")),
  );
}

/** Reads what says where a folder of ComfyUI comes from. Starts nothing, git included. */
export async function scanFolder(
  folder: string,
  hashesModels: boolean,
  say: (detail: string) => void,
): Promise<ComfyUiFolder> {
  const custom = join(folder, "custom_nodes");
  const entries = entriesOf(custom);
  const disabled = entriesOf(join(custom, ".disabled"));
  const environment = environments.map((name) => join(folder, name)).find((path) => existsSync(path));
  return {
    git: gitFiles(folder),
    version: text(join(folder, "comfyui_version.py")),
    nodes: [
      ...folders(entries, custom).map((name) => nodeFolder(join(custom, name), name, false)),
      ...folders(disabled, join(custom, ".disabled")).map((name) =>
        nodeFolder(join(custom, ".disabled", name), name, true),
      ),
    ],
    files: entries.filter((entry) => entry.isFile()).map(({ name }) => name),
    environment: environment === undefined ? undefined : text(join(environment, "pyvenv.cfg")),
    packages: environment === undefined ? [] : sitePackages(environment),
    models: await models(folder, hashesModels, say),
    hasOtherModels: existsSync(join(folder, "extra_model_paths.yaml")),
  };
}

function entriesOf(path: string): Dirent[] {
  return existsSync(path)
    ? readdirSync(path, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))
    : [];
}

/** Links to folders elsewhere count: developers have their nodes so. */
function folders(entries: readonly Dirent[], parent: string): string[] {
  return entries
    .filter(({ name }) => !name.startsWith(".") && name !== "__pycache__")
    .filter((entry) => entry.isDirectory() || (entry.isSymbolicLink() && isFolder(join(parent, entry.name))))
    .map(({ name }) => name);
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

function nodeFolder(path: string, name: string, isBelowDisabled: boolean): NodeFolder {
  // Manager's `.disabled` has folders with and without a version behind `@`.
  const plain = name.replace(/\.disabled$/, "").replace(isBelowDisabled ? /@.*$/ : /$^/, "");
  return {
    name: plain,
    disabled: isBelowDisabled || plain !== name,
    git: gitFiles(path),
    pyproject: text(join(path, "pyproject.toml")),
    isTracked: existsSync(join(path, ".tracking")),
  };
}

/** A small file's text; undefined where there is none. */
function text(path: string): string | undefined {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat?.isFile() && stat.size <= LONGEST ? readFileSync(path, "utf8") : undefined;
}

/** `.git`, a folder, or a file that names one elsewhere: worktrees and submodules have that. */
function gitFiles(folder: string): GitFiles | undefined {
  const place = join(folder, ".git");
  const stat = lstatSync(place, { throwIfNoEntry: false });
  if (!stat) return undefined;
  const named = stat.isFile() ? /^gitdir: (.+)$/m.exec(text(place) ?? "")?.[1] : undefined;
  const git = named === undefined ? place : resolve(folder, named.trim());
  const common = text(join(git, "commondir"));
  const shared = common === undefined ? git : resolve(git, common.trim());
  return {
    head: text(join(git, "HEAD")) ?? "",
    config: text(join(shared, "config")) ?? "",
    packedRefs: text(join(shared, "packed-refs")) ?? "",
    ref: (name) => text(join(git, name)) ?? text(join(shared, name)),
  };
}

function sitePackages(environment: string): string[] {
  const libraries = entriesOf(join(environment, "lib")).map(({ name }) =>
    join(environment, "lib", name, "site-packages"),
  );
  const place = [...libraries, join(environment, "Lib", "site-packages")].find((path) => existsSync(path));
  return place === undefined ? [] : entriesOf(place).map(({ name }) => name);
}

async function models(folder: string, hashes: boolean, say: (detail: string) => void): Promise<ModelClaim[]> {
  const found: ModelClaim[] = [];
  for (const path of filesBelow(join(folder, "models"))) {
    const name = relative(folder, path);
    const { size } = statSync(path);
    say(name);
    found.push({ path: name, size, ...(hashes ? { sha256: await sha256(path) } : {}) });
  }
  return found;
}

/** Of a file of any size. */
async function sha256(path: string): Promise<string> {
  const hash = createHash("sha256");
  try {
    await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash);
  } catch (error) {
    throw new UserError(path, `cannot be read: ${(error as Error).message}.`, "");
  }
  return hash.digest("hex");
}

/** Files that may be models; links to files elsewhere count, links to folders are followed once. */
function filesBelow(folder: string, seen: ReadonlySet<string> = new Set()): string[] {
  const { ino, dev } = statSync(folder, { throwIfNoEntry: false }) ?? {};
  const key = `${dev}:${ino}`;
  if (ino === undefined || seen.has(key)) return [];
  const inside = new Set([...seen, key]);
  return entriesOf(folder).flatMap(({ name }) => {
    const path = join(folder, name);
    if (isFolder(path)) return name.startsWith(".") ? [] : filesBelow(path, inside);
    const isFile = statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
    return isFile && !noModel.test(name) ? [path] : [];
  });
}
