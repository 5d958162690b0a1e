import { posix } from "node:path";
import { UserError } from "../../errors.ts";
import { isAddress } from "../comfyui/custom-nodes.ts";
import { isForImages } from "../locks/marker.ts";
import { normaliseName } from "../locks/python-lock.ts";
import { brokenVersion, parseRequirement } from "../locks/requirement.ts";
import { isNoText } from "./decode-text.ts";

/** The files of a repository that are read, by path. */
export type Files = ReadonlyMap<string, string>;

/** What requirement files say: their lines, and what of them no lock can hold. */
export interface Requirements {
  readonly lines: readonly string[];
  readonly warnings: readonly string[];
}

/** Their versions are the stack's to decide. */
const decidedElsewhere = new Set(["torch", "torchvision", "torchaudio"]);

/**
 * The requirement files of a repository that count: those that a recipe names, else `requirements.txt`. Throws when
 * a named file is missing, or when there are others and nobody chose.
 */
export function chooseRequirementFiles(
  name: string,
  paths: readonly string[],
  chosen: readonly string[] | undefined,
): readonly string[] {
  if (chosen) {
    const missing = chosen.filter((path) => !paths.includes(path));
    if (missing.length === 0) return chosen;
    throw new UserError(
      name,
      `has no ${missing.join(", ")}; it has ${requirementFiles(paths).join(", ") || "no requirement files"}.`,
      "Correct `requirements` of this node in the recipe.",
    );
  }
  if (paths.includes("requirements.txt")) return ["requirements.txt"];
  const candidates = requirementFiles(paths);
  if (candidates.length === 0) return [];
  throw new UserError(
    name,
    `has requirement files and none is requirements.txt: ${candidates.join(", ")}.`,
    "Say in the recipe which of them count: `requirements` of this node, [] for none.",
  );
}

/** Files of the first level that look like requirements. */
function requirementFiles(paths: readonly string[]): string[] {
  return paths.filter((path) => /^[^/]*requirements[^/]*\.(txt|in)$/i.test(path)).sort();
}

/** Reads a requirement file and those that it includes by `-r`; lines are without comments, each once. */
export function readRequirements(path: string, files: Files, seen: readonly string[] = []): Requirements {
  const text = files.get(path);
  if (text === undefined) {
    throw new UserError(
      seen.at(-1) ?? path,
      `includes ${path}, which is not in the repository, or too large.`,
      "Name other files in the recipe: `requirements` of this node.",
    );
  }
  if (isNoText(text)) {
    throw new UserError(
      path,
      "is neither UTF-8 nor UTF-16 text.",
      "Name other files in the recipe: `requirements` of this node, [] for none.",
    );
  }
  const parts = logicalLines(text).map(({ line, number }): Requirements => {
    const include = /^(?:-r|--requirement)[\s=]*(\S+)$/.exec(line)?.[1];
    if (include) {
      const target = posix.normalize(posix.join(posix.dirname(path), include));
      return [...seen, path].includes(target)
        ? { lines: [], warnings: [] }
        : readRequirements(target, files, [...seen, path]);
    }
    const editable = /^(?:-e|--editable)[\s=]*(\S.*)$/.exec(line)?.[1];
    if (editable) return oneLine(`${path}:${number}`, editable);
    // The value is left out: a lock holds no addresses of package indexes.
    if (line.startsWith("-")) {
      const option = /^-[\w-]*/.exec(line)?.[0];
      return { lines: [], warnings: [`${path}:${number} sets ${option}, which does not count`] };
    }
    return oneLine(`${path}:${number}`, line.replace(/\s+--(hash|config-settings?|global-option)\b.*$/, ""));
  });
  return {
    lines: [...new Set(parts.flatMap(({ lines }) => lines))],
    warnings: [...new Set(parts.flatMap(({ warnings }) => warnings))],
  };
}

function oneLine(place: string, line: string): Requirements {
  const warning = remark(line);
  return { lines: [line], warnings: warning ? [`${place}: "${line}" ${warning}`] : [] };
}

function remark(line: string): string | undefined {
  // A line for Windows, macOS or another Python asks nothing of an image.
  const counts = isForImages(line);
  if (isAddress(line)) return counts ? "is an address, which nothing pins" : undefined;
  const { name, specifier = "" } = parseRequirement(line) ?? {};
  // The resolver refuses it for whatever machine it is.
  if (!name) return "is not a Python requirement";
  const broken = brokenVersion(line);
  if (broken !== undefined) return `is not a Python requirement: "${broken}" names no version`;
  if (!counts) return undefined;
  const normalised = normaliseName(name);
  if (normalised === "cmake") return "is a build tool, which images do without";
  const asks = decidedElsewhere.has(normalised) && specifier !== "";
  return asks ? `asks for a version of ${normalised}` : undefined;
}

/** Lines with their numbers, continued ones joined, without comments and blank lines. */
function logicalLines(text: string): { line: string; number: number }[] {
  const lines: { line: string; number: number }[] = [];
  let open = "";
  for (const [index, raw] of text.split(/\r\n|\r|\n/).entries()) {
    const line = open + raw.replace(/(^|\s)#.*$/, "");
    open = line.endsWith("\\") ? line.slice(0, -1) : "";
    if (open === "" && line.trim() !== "") lines.push({ line: line.trim(), number: index + 1 });
  }
  return open.trim() === "" ? lines : [...lines, { line: open.trim(), number: text.split("\n").length }];
}
