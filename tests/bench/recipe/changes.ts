/** What is changed between builds, in the clone: the peers' files are made of it as well. */
import { appendFileSync, globSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { execa } from "execa";
import { UserError } from "../../../errors.ts";
import { gitRepositoryName } from "../../../lib/comfyui/custom-nodes.ts";
import { formatNodeLock, nodeLockPath, parseNodeLock } from "../../../lib/locks/node-lock.ts";
import { normaliseName, parsePythonLock } from "../../../lib/locks/python-lock.ts";
import { mirrored } from "../../../lib/mirrors.ts";
import { lockHeader, lockInputs, lockPath } from "../../../lib/plan/lock-inputs.ts";
import { installUv } from "../../../tools/lock/uv.ts";
import { type Contents, startFiles } from "./contents.ts";

export type Mirrors = Readonly<Record<string, string>>;

/** What starts the image gets another line. */
export function changeScript(root: string, round: number): void {
  appendFileSync(join(startFiles(root), "entrypoint"), `# bench ${round}\n`);
}

/**
 * A node moves by one commit, which is made here, on top of what the mirror has.
 *
 * @param served a folder whose repositories are served over git
 */
export async function moveNode(
  contents: Contents,
  served: string,
  mirrors: Mirrors,
  round: number,
): Promise<string> {
  const node = contents.context.comfyui?.nodes[0];
  if (!node) throw new UserError("node", "the recipe has no nodes.", "Leave out this case: --cases.");
  const name = gitRepositoryName(node.repository);
  const repository = join(served, `${name}.git`);
  const file = join(contents.root, nodeLockPath);
  const lock = parseNodeLock(readFileSync(file, "utf8"));
  const locked = lock.repositories[name];
  if (!locked) throw new Error(`${name} is not in the lock`);
  const git = async (...words: string[]) =>
    (await execa("git", ["--git-dir", repository, ...words], { env: author })).stdout;
  mkdirSync(dirname(repository), { recursive: true });
  await execa("git", ["init", "--quiet", "--bare", repository]);
  await git("config", "uploadpack.allowAnySHA1InWant", "true");
  const has = await execa("git", ["--git-dir", repository, "cat-file", "-e", locked.commit], {
    reject: false,
  });
  if (has.exitCode !== 0)
    await git("fetch", "--quiet", "--depth=1", `${mirrored(node.repository, mirrors)}.git`, locked.commit);
  await git("read-tree", locked.commit);
  const { stdout: blob } = await execa("git", ["--git-dir", repository, "hash-object", "-w", "--stdin"], {
    input: `round ${round}\n`,
  });
  await git("update-index", "--add", "--cacheinfo", `100644,${blob},BENCH.md`);
  const commit = await git("commit-tree", await git("write-tree"), "-m", `bench ${round}`);
  await git("update-ref", "refs/heads/main", commit);
  const moved = { ...lock, repositories: { ...lock.repositories, [name]: { ...locked, commit } } };
  writeFileSync(file, formatNodeLock(moved));
  return node.repository;
}

const author = Object.fromEntries(
  ["AUTHOR", "COMMITTER"].flatMap((role) => [
    [`GIT_${role}_NAME`, "bench"],
    [`GIT_${role}_EMAIL`, "bench@example.com"],
    // The same commit for each who builds.
    [`GIT_${role}_DATE`, "2026-01-01T00:00:00Z"],
  ]),
);

/** One package is an older one, with its hashes; nothing else of the lock moves. */
export async function movePackage(contents: Contents, name: string): Promise<void> {
  const { root, packages, context, recipe, lockFolder } = contents;
  const file = join(lockFolder, packages.lock.path);
  const text = readFileSync(file, "utf8");
  const lines = text.split("\n");
  const body = lines.slice(lines.findIndex((line) => !line.startsWith("#")));
  const before = packages.lock.distributions.get(normaliseName(name));
  if (!before) throw new UserError(name, "is not in the lock.", "Name another with --package.");
  const uv = await installUv();
  const question = {
    python: context.python,
    files: new Map([["package.in", [`${name}<${before.version}`]]]),
    args: ["--no-deps"],
  };
  const { ok, stdout, all } = await uv(question);
  if (!ok) throw new Error(`no older ${name}:\n${all}`);
  const found = [...parsePythonLock(stdout, "package.in").values()][0];
  if (!found) throw new Error(`no older ${name}`);
  const at = body.findIndex((line) => line.startsWith(`${before.name}==`));
  const end = body.findIndex((line, index) => index > at && !/^ {4}--hash=/.test(line));
  const hashes = found.hashes.map(
    (hash, index) => `    --hash=${hash}${index < found.hashes.length - 1 ? " \\" : ""}`,
  );
  body.splice(at, end - at, `${found.name}==${found.version} \\`, ...hashes);
  const lockName = { recipe: context.recipe, python: context.python, cuda: context.set.cuda };
  if (lockPath(lockName) !== packages.lock.path)
    throw new Error(`${packages.lock.path} is not ${lockPath(lockName)}`);
  const inputs = lockInputs(recipe, lockName, parseNodeLock(readFileSync(join(root, nodeLockPath), "utf8")));
  const joined = body.join("\n");
  writeFileSync(file, lockHeader(lockName, recipe, inputs, joined) + joined);
}

/** A setting of the stack's file, in place of what it has. */
export function writeStack(root: string, name: string, settings: Readonly<Record<string, unknown>>): void {
  const config = Object.fromEntries(Object.entries(settings).map(([key, value]) => [`strata:${key}`, value]));
  const [kept = ""] = globSync("Pulumi.dev.yaml", { cwd: root });
  const salt = readFileSync(join(root, kept), "utf8").split("\n")[0] ?? "";
  // YAML reads JSON.
  writeFileSync(join(root, `Pulumi.${name}.yaml`), `${salt}\nconfig: ${JSON.stringify(config)}\n`);
}
