/** What a document says that can be looked up: files, names in them, settings, commands, variables. */
import { posix } from "node:path";
import { parse } from "yaml";
import { hasSetting, keysOf, type Schema } from "./settings-schema.ts";

export interface Document {
  /** From the repository's folder. */
  readonly path: string;
  readonly text: string;
}

/** What there is. */
export interface Repository {
  /** Every file, from the repository's folder. */
  readonly files: readonly string[];
  readonly read: (path: string) => string;
  readonly settings: Schema;
  readonly makeTargets: ReadonlySet<string>;
  readonly npmScripts: ReadonlySet<string>;
  /** `STRATA_…`, as code names them. */
  readonly variables: ReadonlySet<string>;
}

type Check = (document: Document, repository: Repository) => string[];

/** What a document names and the repository does not have. */
export function documentProblems(document: Document, repository: Repository): string[] {
  const checks: Check[] = [links, files, lines, names, settings, commands, variables];
  return [...new Set(checks.flatMap((check) => check(document, repository)))];
}

const fence = /^ *```(\w*)\n([\s\S]*?)^ *```$/gm;
const link = /\[([^\]]*)\]\(([^)\s]+)\)/g;
const sourceFile = /\.(?:ts|py|sh|c|yml|yaml)$/;

function links({ path, text }: Document, { files, read }: Repository): string[] {
  return [...text.replaceAll(fence, "").matchAll(link)].flatMap(([, words = "", target = ""]) => {
    if (/^(?:https?|mailto):/.test(target)) return [];
    const [file = "", anchor] = target.split("#");
    const found = file === "" ? path : posix.join(posix.dirname(path), file).replace(/\/$/, "");
    if (found !== "." && !files.some((known) => known === found || known.startsWith(`${found}/`)))
      return [`link to ${target}`];
    const name = words.replaceAll("`", "");
    if (sourceFile.test(name) && !/\s/.test(name) && !`/${found}`.endsWith(`/${name}`))
      return [`link called ${name} to ${target}`];
    const missing = anchor !== undefined && found.endsWith(".md") && !headings(read(found)).has(anchor);
    return missing ? [`heading ${target}`] : [];
  });
}

/** What GitHub calls the headings of a page in addresses. */
function headings(text: string): Set<string> {
  const titles = text.replaceAll(fence, "").matchAll(/^#+ (.+)$/gm);
  return new Set(
    [...titles].map(([, title = ""]) =>
      title
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
        .replaceAll(" ", "-"),
    ),
  );
}

const fileName =
  /(?:\.{1,2}\/|[/~$])?(?:<[\w-]+>|[\w.*-])+(?:\/(?:<[\w-]+>|[\w.*-])+)*\.(?:ts|py|sh|c|yml|yaml|json|md)\b/g;

/** File names anywhere in the text: whole paths, or the end of one. `<word>` and `*` stand for any name. */
function files({ text }: Document, { files }: Repository): string[] {
  const plain = text.replaceAll(/\]\([^)]*\)/g, "] ").replaceAll(/https?:\/\/\S+|<br>/g, " ");
  const named = [...plain.matchAll(fileName)]
    .map(([name]) => name)
    .filter((name) => isOurs(name) && !hasFile(files, name));
  const tops = new Set(files.map((file) => file.split("/")[0]));
  const folders = [...plain.matchAll(/`((?:[\w.-]+\/)+)`/g)]
    .map(([, folder = ""]) => folder)
    .filter((folder) => tops.has(folder.split("/")[0]) && !files.some((file) => file.startsWith(folder)));
  return [...named.map((name) => `file ${name}`), ...folders.map((folder) => `folder ${folder}`)];
}

/** Of other programs, custom nodes and packages for instance. */
const foreign = ["install.py", "setup.py", "main.py"];

/** Files elsewhere (in an image, in `.strata`, beside the repository), and data without a folder, are not strata's. */
function isOurs(name: string): boolean {
  if (/^(?:[/~$]|\.\.?\/|\.strata\/|[A-Z]+\/)/.test(name)) return false;
  if (foreign.includes(name)) return false;
  return sourceFile.test(name) || name.includes("/");
}

export function hasFile(files: readonly string[], name: string): boolean {
  const pattern = name
    .replaceAll(/[.+]/g, String.raw`\$&`)
    .replaceAll(/<[\w-]+>/g, ".+")
    .replaceAll("*", "[^/]*");
  const wanted = new RegExp(`(?:^|/)${pattern}$`);
  return files.some((file) => wanted.test(`strata/${file}`));
}

/** Lines move: a document names what is there instead. How many there are can be counted. */
function lines({ text }: Document, { files, read }: Repository): string[] {
  const pointed = text.matchAll(/[\w/.-]+\.(?:ts|py|sh|md|ya?ml|json)(?::\d+|\S*#L\d+)/g);
  const counted = text.matchAll(/`([\w/.-]+)`(?:\]\([^)]*\))? \((\d+) lines\)/g);
  return [
    ...[...pointed].map(([place]) => `line ${place}`),
    ...[...counted].flatMap(([, name = "", count]) => {
      const found = files.filter((file) => `/${file}`.endsWith(`/${name}`));
      const is = found.map((file) => read(file).split("\n").length - 1);
      return is.includes(Number(count)) ? [] : [`${count} lines of ${name}`];
    }),
  ];
}

const namesIn =
  /((?:`\w+`(?:,\s+|\s+and\s+))*`\w+`)\s+in\s+(?:\[`?[\w./-]+`?\]\(([^)\s]+\.(?:ts|py|sh))\)|`([\w/-]+\.(?:ts|py|sh))`)/g;

/** "`name` in [file](…)": the file declares it. */
function names({ path, text }: Document, { files, read }: Repository): string[] {
  return [...text.matchAll(namesIn)].flatMap(([, list = "", target, plain = ""]) => {
    const wanted = target ? posix.join(posix.dirname(path), target) : plain;
    const found = files.filter((file) => file === wanted || (plain !== "" && file.endsWith(`/${wanted}`)));
    return [...list.matchAll(/`(\w+)`/g)]
      .map(([, name = ""]) => name)
      .filter((name) => !found.some((file) => declares(read(file), name)))
      .map((name) => `${name} in ${wanted}`);
  });
}

function declares(source: string, name: string): boolean {
  const declared = String.raw`\b(?:function\*?|const|let|class|interface|type|enum|def) +${name}\b`;
  const member = String.raw`^ *(?:readonly +)?${name}\??[(:=]`;
  return new RegExp(`${declared}|${member}`, "m").test(source);
}

/** `strata:a.b`, and what YAML sets below `strata:a`. */
function settings({ text }: Document, { settings }: Repository): string[] {
  const dotted = [...text.matchAll(/(?<![\w/])strata:([a-z]\w*(?:\.\w+|\[\d+\])*)(?!\w*:\w)/g)]
    .map(([, key = ""]) => key)
    .filter((key) => !hasSetting(settings, key.split(/\.|\[\d+\]\.?/).filter(Boolean)));
  const snippets = [
    ...[...text.matchAll(fence)].filter(([, language]) => language === "yaml").map(([, , body = ""]) => body),
    ...[...text.matchAll(/`(strata:\w+: [^`]+)`/g)].map(([, body = ""]) => body),
  ];
  const set = snippets.flatMap((snippet) => keysOf(parse(snippet)));
  const unknown = set
    .filter((keys) => keys.some((key) => key.startsWith("strata:")))
    .map((keys) => keys.slice(keys.findIndex((key) => key.startsWith("strata:"))))
    .filter(([first = "", ...rest]) => !hasSetting(settings, [first.slice("strata:".length), ...rest]));
  return [
    ...dotted.map((key) => `setting strata:${key}`),
    ...unknown.map((keys) => `setting ${keys.join(".")}`),
  ];
}

/** `make x` and `npm run x`, in code alone: in a sentence "make" is a word. */
function commands({ text }: Document, { makeTargets, npmScripts }: Repository): string[] {
  const fenced = [...text.matchAll(fence)].map(([, , body = ""]) => body.replaceAll(/(?:^| )#.*$/gm, ""));
  const spans = [...text.replaceAll(fence, "").matchAll(/`([^`]+)`/g)].map(([, code = ""]) =>
    code.replaceAll(/\s+/g, " "),
  );
  const code = [...fenced, ...spans].join("\n");
  const run = [...code.matchAll(/^\W*npm run (?:--silent )?([a-z][\w:-]*)/gm)];
  const make = [...code.matchAll(/^\W*make ([a-z][\w-]*)/gm)];
  return [
    ...run.filter(([, script = ""]) => !npmScripts.has(script)).map(([, script]) => `npm run ${script}`),
    ...make.filter(([, target = ""]) => !makeTargets.has(target)).map(([, target]) => `make ${target}`),
  ];
}

function variables({ text }: Document, { variables }: Repository): string[] {
  return [...text.matchAll(/\bSTRATA_[A-Z][A-Z0-9_]*\b/g)]
    .map(([name]) => name)
    .filter((name) => !variables.has(name));
}
