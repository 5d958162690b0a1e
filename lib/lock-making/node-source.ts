import { parse, TomlError } from "smol-toml";
import { z } from "zod";
import { type Files, readRequirements } from "./requirement-files.ts";

/** What git lists of a commit: a blob with its size, or the commit of a submodule. */
export interface TreeEntry {
  readonly path: string;
  readonly object: string;
  /** null for a submodule. */
  readonly size: number | null;
}

/** Scripts that ComfyUI-Manager runs for a node. */
const scriptNames = ["install.py", "prestartup_script.py"];

/** A pointer of git LFS has less than 1024 bytes, by its specification. */
const longestPointer = 1023;
const pointerStart = "version https://git-lfs.github.com/spec/v1";

/** Larger files are data, whatever they are called. */
const longestText = 2_000_000;

/** Whether a file has to be read to know what a lock needs; all others only cost time. */
export function isOfInterest({ path, size }: TreeEntry): boolean {
  if (size === null || size > longestText) return false;
  return size <= longestPointer || /\.(py|txt|in|toml|cfg|gitmodules)$/.test(path);
}

/** What the files themselves say; submodules and the choice of requirement files come from elsewhere. */
export function describeSource(files: Files, requirementFiles: readonly string[]) {
  const requirements = requirementFiles.map((path) => ({ path, ...readRequirements(path, files) }));
  return {
    version: sourceVersion(files),
    requirements: Object.fromEntries(requirements.map(({ path, lines }) => [path, [...lines]])),
    scripts: scriptNames.filter((path) => files.has(path)),
    pointers: pointersOf(files),
    warnings: [...requirements.flatMap(({ warnings }) => warnings), ...pipCalls(files)],
  };
}

/** Files whose content is not in the repository. */
export function pointersOf(files: Files): string[] {
  return [...files].filter(([, text]) => text.startsWith(pointerStart)).map(([path]) => path);
}

/** The version in comfyui_version.py, else in pyproject.toml; null where neither says one. */
export function sourceVersion(files: Files): string | null {
  return assignedVersion(files.get("comfyui_version.py")) ?? tomlVersion(files.get("pyproject.toml")) ?? null;
}

/**
 * The version of a Python package as its sources say it, in the order in which build tools believe them; undefined
 * where it is computed while building.
 */
export function packageVersion(files: Files): string | undefined {
  const moduleVersion = [...files]
    .filter(([path]) => /^(src\/)?[^/]+\/\w+\.py$/.test(path))
    .map(([, text]) => assigned("__version__", text))
    .find((version) => version !== undefined);
  const setup = files.get("setup.py");
  return (
    tomlVersion(files.get("pyproject.toml")) ??
    /^version\s*=\s*(\d\S*)\s*$/m.exec(files.get("setup.cfg") ?? "")?.[1] ??
    /\bversion\s*=\s*["'](\d[^"']*)["']/.exec(setup ?? "")?.[1] ??
    assigned("(?:__version__|VERSION|PACKAGE_VERSION)", setup) ??
    moduleVersion
  );
}

/** The version that a Python module says, `__version__ = "1.2"`. */
export function assignedVersion(text: string | undefined): string | undefined {
  return assigned("__version__", text);
}

function assigned(name: string, text: string | undefined): string | undefined {
  return new RegExp(`^\\s*${name}\\s*(?::\\s*str\\s*)?=\\s*["'](\\d[^"']*)["']`, "m").exec(text ?? "")?.[1];
}

const versioned = z.object({ version: z.string().min(1) });
const pyproject = z.object({
  project: versioned.optional().catch(undefined),
  tool: z.object({ poetry: versioned }).optional().catch(undefined),
});

/** The version of `[project]`, else of `[tool.poetry]`; a file that is no TOML, as some nodes have, says none. */
function tomlVersion(text = ""): string | undefined {
  try {
    const { project, tool } = pyproject.parse(parse(text, { integersAsBigInt: "asNeeded" }));
    return project?.version ?? tool?.poetry.version;
  } catch (error) {
    if (error instanceof TomlError) return undefined;
    throw error;
  }
}

/** Where code calls pip by itself, the first place of each file: such calls would change the environment. */
export function pipCalls(files: Files): string[] {
  return [...files]
    .filter(([path]) => path.endsWith(".py"))
    .flatMap(([path, text]) => {
      const index = withoutDocstrings(text).split("\n").findIndex(callsPip);
      return index < 0 ? [] : [`${path}:${index + 1} calls pip`];
    });
}

function callsPip(line: string): boolean {
  const code = line.replace(/(^|\s)#.*$/, "");
  // Advice to the user is no call, and what only asks changes nothing.
  if (/\b(print|raise|log(ger|ging)?|warn(ings?)?|\w*Error)\b.*\(/.test(code)) return false;
  if (/["'\s](freeze|list|show|check|--version)\b/.test(code)) return false;
  return (
    /(^|[([=,+])\s*[bfru]{0,2}["'](uv |\S+ (-s )?-m )?pip3?\s+install\b/.test(code) ||
    /\b(system|popen|run|call|check_call|check_output)\(.*\bpip3?\s+(un)?install\b/i.test(code) ||
    /["']-m["']\s*,\s*["']pip3?["']/.test(code) ||
    /["']uv["']\s*,\s*["']pip["']/.test(code) ||
    /["']pip3?["']\s*,\s*["'](install|uninstall)["']/.test(code) ||
    /\bpip\.(_internal\.)?main\s*\(|\bfrom pip(\._internal(\.cli\.main)?)? import main\b/.test(code)
  );
}

/** The same lines with longer strings emptied, so that line numbers stay. */
function withoutDocstrings(text: string): string {
  return text.replace(/("""|''')[\s\S]*?\1/g, (string) => string.replace(/[^\n]/g, ""));
}
