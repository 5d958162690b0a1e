import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../../errors.ts";
import { cache, home, repository } from "../../home.ts";
import { parsePythonLock } from "../../lib/locks/python-lock.ts";
import { attempt } from "../program/exec.ts";
import { withProgress } from "../program/progress.ts";
import { isExecutable } from "../toolchain/find.ts";
import { resolveTool } from "../toolchain/resolve-tool.ts";
import { installWheels } from "./wheels.ts";

const requirements = "tools/lint/requirements.txt";

/** The programs of requirements.txt, or why they cannot be had here. */
export type Linters =
  | { readonly shellcheck: string; readonly ruff: string; readonly missing?: never }
  | { readonly missing: string; readonly shellcheck?: never };

/** How one linter ended. */
export interface LintResult {
  readonly ok: boolean;
  readonly output: string;
}

/** A script and what runs it: `sh`, `bash` or `python`. A file without a first line of its own is sourced: `sh`. */
export interface Script {
  readonly path: string;
  readonly shell: "sh" | "bash" | "python";
}

/**
 * shellcheck and ruff from their wheels, kept in the cache by version.
 *
 * @param python the Python that installs them
 * @throws UserError when what arrives is not what was pinned
 */
export async function findLinters(folder: string = cache, python = "python3"): Promise<Linters> {
  const text = readFileSync(join(repository, requirements), "utf8");
  const lock = parsePythonLock(text, requirements);
  const versions = [...lock.values()].map(({ name, version }) => `${name}-${version}`);
  const target = join(folder, `lint-${versions.join("-")}`);
  const linters = { shellcheck: join(target, "bin", "shellcheck"), ruff: join(target, "bin", "ruff") };
  const installed = () => Object.values(linters).every(isExecutable);
  if (installed()) return linters;

  const missing = await withProgress("Installing shellcheck and ruff", () =>
    installWheels(requirements, target, python),
  );
  if (missing) return { missing };
  return installed() ? linters : { missing: "the wheels do not hold the programs for this machine" };
}

/** Every script of the repository, whatever it is called: by its ending, or by its first line. */
export function findScripts(root: string): Script[] {
  const paths = globSync("{.ci,layers,lib,smoke,tools,tests}/**/*", { cwd: root, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
    .filter((path) => !/(^|\/)(__pycache__|node_modules)\//.test(path))
    .sort();
  return paths.flatMap((path) => {
    const shell = shellOf(path, readFileSync(join(root, path), "utf8").split("\n", 1)[0] ?? "");
    return shell ? [{ path, shell }] : [];
  });
}

function shellOf(path: string, firstLine: string): Script["shell"] | undefined {
  const program = /^#!\s*(?:\S*\/env\s+)?(?:\S*\/)?([a-z]+)/.exec(firstLine)?.[1];
  if (program === "sh" || program === "bash" || program === "python") return program;
  if (path.endsWith(".sh")) return "sh";
  return path.endsWith(".py") ? "python" : undefined;
}

/** Every shell script by shellcheck, each as what its first line says it is. */
export async function lintShell(shellcheck: string, root: string = repository): Promise<LintResult> {
  const scripts = findScripts(root);
  const results: LintResult[] = [];
  for (const shell of ["sh", "bash"] as const) {
    const paths = scripts.filter((script) => script.shell === shell).map(({ path }) => path);
    if (paths.length === 0) continue;
    const rules = ["--rcfile", join(repository, ".shellcheckrc"), "--shell", shell];
    const { ok, all } = await attempt(shellcheck, [...rules, "--", ...paths], { cwd: root });
    results.push({ ok, output: all });
  }
  return joined(results);
}

/** Every Python file by ruff: format and rules, as ruff.toml says. */
export async function lintPython(ruff: string, root: string = repository): Promise<LintResult> {
  const paths = findScripts(root)
    .filter(({ shell }) => shell === "python")
    .map(({ path }) => path);
  const results: LintResult[] = [];
  for (const check of [["check"], ["format", "--diff"]]) {
    const rules = ["--no-cache", "--quiet", "--config", join(repository, "ruff.toml")];
    const { ok, all } = await attempt(ruff, [...check, ...rules, "--", ...paths], { cwd: root });
    results.push({ ok, output: all });
  }
  return joined(results);
}

/** actionlint as the toolchain resolves it, or why it cannot be had here. */
export async function findActionlint(): Promise<{ path: string; missing?: never } | { missing: string }> {
  try {
    const { path } = await resolveTool("actionlint", { home, cache, path: process.env.PATH ?? "" });
    return { path };
  } catch (error) {
    if (error instanceof UserError) return { missing: error.message.split("\n")[0] ?? "" };
    throw error;
  }
}

/** Every workflow by actionlint, its scripts by shellcheck where that is there. */
export async function lintWorkflows(
  actionlint: string,
  shellcheck: string | undefined,
  root: string = repository,
): Promise<LintResult> {
  const paths = globSync(".github/workflows/*.{yml,yaml}", { cwd: root }).sort();
  const scripts = `-shellcheck=${shellcheck ?? ""}`;
  const { ok, all } = await attempt(actionlint, ["-no-color", "-pyflakes=", scripts, ...paths], {
    cwd: root,
  });
  return { ok, output: all };
}

function joined(results: readonly LintResult[]): LintResult {
  return {
    ok: results.every(({ ok }) => ok),
    output: results
      .filter(({ ok }) => !ok)
      .map(({ output }) => output)
      .join("\n"),
  };
}
