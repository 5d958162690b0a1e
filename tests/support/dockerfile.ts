import type { Stage } from "../../lib/plan/plan.ts";

/**
 * Steps that fetch, and so have a network: packages of the distribution, wheels, npm packages and source archives by their
 * hashes, models by theirs. What is installed as wheels is loaded once, to be verified; everything else that runs code of others has none.
 */
const fetching = [
  /^sh -eu \/context\/settled\.sh \/context\/install\.sh$/,
  /^sh -eu \/context\/(fetch|fetch-compiler|fetch-page|install-wheels|install-trimmed|install-libraries)\.sh( && python3 -B \/context\/share_out\.py \/context\/layers\.json)?$/,
  /^sh -eu \/context\/build\.sh model-[\w.-]+$/,
  /^\. \/context\/trust\.sh && \/opt\/toolbox\/bin\/python \/context\/fetch_sdist\.py /,
];

/** One instruction of a Dockerfile, continuation lines joined. */
interface Instruction {
  readonly word: string;
  readonly rest: string;
}

/** `FROM … AS name` and what follows it. */
interface BuildStage {
  readonly name: string;
  readonly from: string;
  readonly instructions: readonly Instruction[];
}

/** What the default is of each ARG; undefined where it has none. */
type Arguments = Readonly<Record<string, string | undefined>>;

/** Arguments that BuildKit itself heeds, declared or not. */
const predefined = ["SOURCE_DATE_EPOCH"];

/** Variables that scripts may use without anybody declaring them. */
const ambient = ["PATH", "HOME", "TMPDIR"];

/** Variables that pip, a CA bundle, or a mirror may set beside the Dockerfile, and that have a default. */
const optionalEnvironment = ["PIP_INDEX_URL", "SSL_CERT_FILE"];

/**
 * What is wrong with how a stage is built, judged by its Dockerfile, its context and its arguments. The rules:
 *
 * - named contexts are exactly the stage's parents, and `base` for a stage without any or that wants both
 * - every ARG that the built target needs is given, and every argument that is given is declared
 * - every file of the context that a command or an argument names is there, and every script that is there is used
 * - scripts use only variables that they set or that an ARG declares
 * - a RUN has no network, or is one that fetches; where it has none, it is given no secret for the way out
 * - a compiler's cache is of one stage alone
 * - downloads: no remote ADD but git at a full commit, no curl, wget or git clone; pip and uv need hashes; npm takes what
 *   a lock pins by hash, and lets no package run a script
 */
export function stageProblems(stage: Stage, absentByDesign: readonly string[] = []): string[] {
  const dockerfile = textOf(stage, "Dockerfile");
  if (dockerfile === undefined) return ["has no Dockerfile"];
  const { defaults, stages } = parse(dockerfile);
  const given: Arguments = { ...defaults, ...stage.args };
  const reached = reachable(stages, given);
  return [
    ...contextProblems(stage, stages, reached, given),
    ...argumentProblems(stage, defaults, stages, reached, absentByDesign),
    ...fileProblems(stage, stages, reached, absentByDesign),
    ...downloadProblems(stage, reached, given),
    ...networkProblems(dockerfile),
    ...cacheProblems(stage, dockerfile),
  ].map((problem) => `${stage.name}: ${problem}`);
}

function parse(text: string): { defaults: Arguments; stages: BuildStage[] } {
  const lines = text.split("\n").filter((line) => !/^\s*(#|$)/.test(line));
  const instructions = lines
    .join("\n")
    .replace(/\\\n\s*/g, " ")
    .split("\n")
    .map((line) => {
      const [word = "", ...rest] = line.trim().split(/\s+/);
      return { word: word.toUpperCase(), rest: rest.join(" ") };
    });
  const first = instructions.findIndex(({ word }) => word === "FROM");
  const defaults = Object.fromEntries(declarations(instructions.slice(0, first)));
  const stages: { name: string; from: string; instructions: Instruction[] }[] = [];
  for (const instruction of instructions.slice(first)) {
    if (instruction.word === "FROM") {
      const [from = "", , name = `#${stages.length}`] = instruction.rest.split(" ");
      stages.push({ name, from, instructions: [] });
    } else stages.at(-1)?.instructions.push(instruction);
  }
  return { defaults, stages };
}

function declarations(instructions: readonly Instruction[]): [name: string, value: string | undefined][] {
  return instructions
    .filter(({ word }) => word === "ARG")
    .flatMap(({ rest }) => rest.split(" "))
    .map((entry) => {
      const [name = "", ...value] = entry.split("=");
      return [name, value.length > 0 ? value.join("=") : undefined];
    });
}

function substituted(text: string, given: Arguments): string {
  return text.replace(/\$\{?([A-Z_]+)\}?/g, (_, name: string) => given[name] ?? "");
}

/** What a build stage takes from: what it is FROM, then `--from=` and `from=` of its instructions. */
function sourcesOf(stage: BuildStage, given: Arguments): string[] {
  const named = stage.instructions.flatMap(({ word, rest }) =>
    word === "RUN" || word === "COPY" ? [...rest.matchAll(/(?:--|,)from=([^\s,]+)/g)] : [],
  );
  return [stage.from, ...named.map((match) => match[1] ?? "")].map((name) => substituted(name, given));
}

/** The stages that BuildKit builds for the last one. */
function reachable(stages: readonly BuildStage[], given: Arguments): BuildStage[] {
  const open = stages.slice(-1);
  const found = new Set<BuildStage>();
  for (let stage = open.pop(); stage; stage = open.pop()) {
    found.add(stage);
    const sources = sourcesOf(stage, given);
    open.push(...stages.filter((other) => sources.includes(other.name) && !found.has(other)));
  }
  return stages.filter((stage) => found.has(stage));
}

/** Which steps of a Dockerfile have a network and no reason. */
export function networkProblems(dockerfile: string): string[] {
  const { stages } = parse(dockerfile);
  const runs = stages.flatMap(({ instructions }) => instructions).filter(({ word }) => word === "RUN");
  return runs.flatMap(({ rest }) => {
    const [, options = "", command = ""] = /^((?:--\S+ )*)(.*)$/.exec(rest) ?? [];
    const isClosed = options.split(" ").includes("--network=none");
    if (isClosed)
      return options.includes("id=ca") ? [`RUN ${command} is given certificates and has no network`] : [];
    return fetching.some((known) => known.test(command)) ? [] : [`RUN ${command} has a network`];
  });
}

function cacheProblems({ name }: Stage, dockerfile: string): string[] {
  const ids = [...dockerfile.matchAll(/--mount=type=cache,id=([\w.-]+),target=\S*ccache/g)].map(
    ([, id]) => id,
  );
  const own = `strata-ccache-${name.replace(/^wheel-/, "")}`;
  return ids.filter((id) => id !== own).map((id) => `shares the compiler's cache ${id}`);
}

function contextProblems(
  stage: Stage,
  stages: readonly BuildStage[],
  reached: readonly BuildStage[],
  given: Arguments,
): string[] {
  const local = new Set(["scratch", ...stages.map(({ name }) => name)]);
  const used = new Set(
    reached.flatMap((built) => sourcesOf(built, given)).filter((source) => !local.has(source)),
  );
  const declared = [...(stage.parents.length === 0 || stage.onBase ? ["base"] : []), ...stage.parents];
  return [
    ...[...used].filter((name) => !declared.includes(name)).map((name) => `uses "${name}", no parent of it`),
    ...declared.filter((name) => !used.has(name)).map((name) => `declares "${name}" but does not use it`),
  ];
}

function argumentProblems(
  stage: Stage,
  defaults: Arguments,
  stages: readonly BuildStage[],
  reached: readonly BuildStage[],
  absentByDesign: readonly string[],
): string[] {
  const needed = reached
    .flatMap(({ instructions }) => declarations(instructions))
    .filter(([name, value]) => value === undefined && defaults[name] === undefined)
    .map(([name]) => name);
  const known = [
    ...Object.keys(defaults),
    ...stages.flatMap(({ instructions }) => declarations(instructions).map(([name]) => name)),
  ];
  return [
    ...[...new Set(needed)]
      .filter((name) => !(name in stage.args) && !absentByDesign.includes(name))
      .map((name) => `ARG ${name} is not given`),
    ...Object.keys(stage.args)
      .filter((name) => !known.includes(name) && !predefined.includes(name))
      .map((name) => `the argument ${name} is given, but no ARG takes it`),
  ];
}

/** Follows the scripts that commands name, from the Dockerfile on, and the modules that they import. */
function fileProblems(
  stage: Stage,
  stages: readonly BuildStage[],
  reached: readonly BuildStage[],
  absentByDesign: readonly string[],
): string[] {
  const problems: string[] = [];
  const paths = stage.files.map(({ path }) => path);
  const isThere = (path: string) => paths.some((file) => file === path || file.startsWith(`${path}/`));
  const used = new Set<string>(["Dockerfile"]);
  const declared = new Set(
    reached.flatMap(({ instructions }) => declarations(instructions).map(([name]) => name)),
  );

  const follow = (text: string, where: string): void => {
    const optional = [...text.matchAll(/\[ -[ed] \/context\/([\w./-]+) \]/g)].map((match) => match[1]);
    for (const [, path = ""] of text.matchAll(/\/context\/([\w./-]*\w)/g)) {
      if (isThere(path)) visit(path);
      else if (!optional.includes(path) && !absentByDesign.includes(path)) {
        problems.push(`${where} names ${path}, which is not in the context`);
      }
    }
  };
  const visit = (path: string): void => {
    if (used.has(path)) return;
    used.add(path);
    const text = textOf(stage, path);
    if (text === undefined || !/\.(sh|py)$/.test(path)) return;
    problems.push(...strangers(path, text, declared));
    follow(text, path);
    for (const [, module] of text.matchAll(/^(?:from|import) (\w+)/gm)) {
      if (path.endsWith(".py") && isThere(`${module}.py`)) visit(`${module}.py`);
    }
  };
  for (const [name, value] of Object.entries(stage.args)) follow(value, `the argument ${name}`);
  for (const { word, rest } of reached.flatMap(({ instructions }) => instructions)) {
    if (word === "RUN") {
      follow(rest, "RUN");
      for (const [mount, source = ""] of rest.matchAll(/--mount=[^\s]*\bsource=([^\s,]+)\S*/g)) {
        if (/\bfrom=/.test(mount)) continue;
        if (isThere(source)) visit(source);
        else problems.push(`RUN mounts ${source}, which is not in the context`);
      }
    }
    if (word !== "COPY" || /--from=/.test(rest)) continue;
    for (const source of rest
      .split(" ")
      .filter((part) => !part.startsWith("--"))
      .slice(0, -1)) {
      if (isThere(source)) visit(source);
      else problems.push(`COPY names ${source}, which is not in the context`);
    }
  }
  const spare = (path: string): void => {
    if (used.has(path)) return;
    used.add(path);
    const script = /\.(sh|py)$/.test(path) ? (textOf(stage, path) ?? "") : "";
    for (const [, named = ""] of script.matchAll(/\/context\/([\w./-]*\w)/g)) spare(named);
  };
  // What only another target needs (another source of llama.cpp) is no dead file.
  for (const { rest } of stages.flatMap(({ instructions }) => instructions)) {
    for (const [, path = ""] of rest.matchAll(/\/context\/([\w./-]*\w)/g)) spare(path);
  }
  const isUsed = (path: string) => [...used].some((name) => path === name || path.startsWith(`${name}/`));
  problems.push(...paths.filter((path) => !isUsed(path)).map((path) => `${path} is not used by anything`));
  return problems;
}

/** Environment variables of a script that neither it nor the Dockerfile sets. */
function strangers(path: string, text: string, declared: ReadonlySet<string>): string[] {
  const code = text.replace(/^\s*#.*$/gm, "").replace(/'[^'\n]*'/g, "''");
  const shell = path.endsWith(".sh");
  const names = shell
    ? [...code.matchAll(/\$\{?([A-Z][A-Z_]+)\b/g)]
    : [...text.matchAll(/os\.environ(?:\.get\(|\[)"([A-Z_]+)"/g)];
  const set = new Set([...code.matchAll(/(?:^|[\s;])([A-Z][A-Z_]+)=/gm)].map((match) => match[1]));
  return [...new Set(names.map((match) => match[1] ?? ""))]
    .filter((name) => !(shell && set.has(name)))
    .filter((name) => !declared.has(name) && ![...ambient, ...optionalEnvironment].includes(name))
    .map((name) => `${path} uses $${name}, which no ARG declares`);
}

function downloadProblems(stage: Stage, reached: readonly BuildStage[], given: Arguments): string[] {
  const instructions = reached.flatMap((built) => built.instructions);
  const added = instructions
    .filter(({ word }) => word === "ADD")
    .map(({ rest }) => substituted(rest, given))
    .filter((rest) => !/^\S+\.git(#|\?ref=)[0-9a-f]{40}(&submodules=false)? /.test(rest))
    .filter((rest) => !/^--checksum=sha256:[0-9a-f]{64} /.test(rest))
    .map((rest) => `ADD ${rest} is not git at a full commit`);
  const scripts = stage.files
    .filter(({ path }) => path.endsWith(".sh"))
    .map(({ path }) => [path, textOf(stage, path) ?? ""] as const);
  const runs = instructions.filter(({ word }) => word === "RUN").map(({ rest }) => ["RUN", rest] as const);
  return [...added, ...[...runs, ...scripts].flatMap(([where, text]) => commandProblems(where, text))];
}

function commandProblems(where: string, text: string): string[] {
  const code = text.replace(/^\s*#.*$/gm, "").replace(/\\\n\s*/g, " ");
  const commands = code.split(/\n|&&|\|\||;|\|/).map((command) => command.trim());
  return commands.flatMap((command) => {
    const problems: string[] = [];
    const download = /(?:^|[\s/])(curl|wget|git clone|pip3? download|npm|cargo)(?:\s|$)/.exec(command)?.[1];
    const isLocked = /^(?:\w+=\S+ )*npm (?:ci --ignore-scripts|run)\s/.test(command);
    if (download && !isLocked) problems.push(`${where} runs ${download}`);
    const installs = /(?:^|[\s/])(?:pip3?|uv)\b.*\s(?:install|sync|add)\s/.test(command);
    // Without an index only wheels of other stages are found, and those have a digest.
    if (installs && !/\s--(require-hashes|no-index)\s/.test(command)) {
      problems.push(`${where} installs Python packages without --require-hashes`);
    }
    if (installs && !/\s--no-deps\s/.test(command)) {
      problems.push(`${where} installs Python packages without --no-deps`);
    }
    return problems;
  });
}

function textOf(stage: Stage, path: string): string | undefined {
  return stage.files.find((file) => file.path === path)?.content.toString();
}
