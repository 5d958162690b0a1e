import { copyFileSync, globSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { execa } from "execa";
import { parse } from "yaml";
import { readLog } from "./act-log.ts";

/**
 * The actions that the workflows may use, with the inputs that they have and their defaults, from the `action.yml` of each at
 * the commit that is pinned. What stands in for them is in actions/.
 */
const actions: Readonly<
  Record<string, { readonly main: string; readonly inputs: Readonly<Record<string, string>> }>
> = {
  "actions/checkout": {
    main: "checkout.ts",
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is an expression of GitHub's
    inputs: { token: "${{ github.token }}", "persist-credentials": "true", "fetch-depth": "1" },
  },
  "actions/setup-node": { main: "setup-node.ts", inputs: { "node-version": "" } },
  "actions/upload-artifact": {
    main: "upload-artifact.ts",
    inputs: { name: "artifact", path: "", "if-no-files-found": "warn", "include-hidden-files": "false" },
  },
  "actions/download-artifact": {
    main: "download-artifact.ts",
    inputs: { name: "", pattern: "", path: "", "run-id": "", "github-token": "", "merge-multiple": "false" },
  },
  "actions/cache/restore": { main: "cache.ts", inputs: { path: "", key: "", "restore-keys": "" } },
  "actions/cache/save": { main: "cache.ts", inputs: { path: "", key: "" } },
  "aws-actions/configure-aws-credentials": {
    main: "aws-credentials.ts",
    inputs: { "role-to-assume": "", "aws-region": "", "role-duration-seconds": "3600" },
  },
};

/** Lays the stand-ins out as repositories of actions, by `owner/name`. */
export function layActions(folder: string, address: string): void {
  const sources = join(import.meta.dirname, "actions");
  for (const [name, { main, inputs }] of Object.entries(actions)) {
    const target = join(folder, name);
    mkdirSync(target, { recursive: true });
    for (const file of globSync("*.ts", { cwd: sources }))
      copyFileSync(join(sources, file), join(target, file));
    writeFileSync(join(target, "service.json"), JSON.stringify({ address }));
    writeFileSync(join(target, "package.json"), '{ "type": "module" }');
    const declared = Object.fromEntries(
      Object.entries(inputs).map(([input, value]) => [input, { default: value }]),
    );
    const description = { name, description: name, inputs: declared, runs: { using: "node24", main } };
    writeFileSync(join(target, "action.yml"), JSON.stringify(description));
  }
}

/** What act is asked to run. */
export interface ActRequest {
  readonly act: string;
  /** The commit's files, with the workflow among them. */
  readonly checkout: string;
  readonly workflow: string;
  readonly event: string;
  readonly payload: object;
  readonly secrets: Readonly<Record<string, string>>;
  readonly variables: Readonly<Record<string, string>>;
  /** What the runner says of the run: GITHUB_RUN_ID and the like. */
  readonly context: Readonly<Record<string, string>>;
  /** The machine's own. */
  readonly environment: Readonly<Record<string, string>>;
  readonly actions: string;
  /** For what act writes. */
  readonly scratch: string;
}

export interface ActResult {
  readonly ok: boolean;
  /** How each job ended that began. */
  readonly jobs: Readonly<Record<string, string>>;
  /** `job: step` of all that failed. */
  readonly failures: readonly string[];
  /** Summaries of the steps. */
  readonly summary: string;
  /** All lines that steps printed, and what act says of them. */
  readonly output: string;
}

/** Runs a workflow on this machine, every job of it. */
export async function runAct(request: ActRequest): Promise<ActResult> {
  const { act, checkout, workflow, scratch, environment } = request;
  mkdirSync(scratch, { recursive: true });
  const file = (name: string, text: string) => {
    writeFileSync(join(scratch, name), text);
    return join(scratch, name);
  };
  const dotenv = (values: Readonly<Record<string, string>>) =>
    Object.entries(values)
      .map(([name, value]) => `${name}=${JSON.stringify(value)}\n`)
      .join("");
  const words = [
    ...[request.event, "--json", "--directory", checkout, "--workflows", join(".github/workflows", workflow)],
    ...["--eventpath", file("event.json", JSON.stringify(request.payload))],
    ...["--secret-file", file("secrets", dotenv(request.secrets))],
    ...["--var-file", file("variables", dotenv(request.variables))],
    ...["--env-file", file("environment", dotenv(request.context))],
    ...["--action-cache-path", join(scratch, "cache"), "--no-cache-server", "--no-skip-checkout"],
    ...["--defaultbranch", "main", "--concurrent-jobs", "2"],
    ...["ubuntu-24.04", "large"].flatMap((label) => ["--platform", `${label}=-self-hosted`]),
    ...usedActions(checkout, workflow).flatMap((name) => [
      "--local-repository",
      `${name}=${folderOf(request, name)}`,
    ]),
  ];
  const { stdout, stderr, exitCode } = await execa(act, words, {
    env: environment,
    extendEnv: false,
    reject: false,
    stdin: "ignore",
    timeout: 300_000,
  });
  return { ok: exitCode === 0, ...readLog(stdout), ...(stdout === "" ? { output: stderr } : {}) };
}

const folderOf = ({ actions: folder }: ActRequest, name: string) => join(folder, name.split("@")[0] ?? "");

/** `owner/name@ref` of every action; refuses what no stand-in is there for, and inputs that the action does not have. */
function usedActions(checkout: string, workflow: string): string[] {
  const [path = ""] = globSync(join(checkout, ".github/workflows", workflow));
  const { jobs } = parse(readFileSync(path, "utf8")) as {
    jobs: Record<string, { steps: { uses?: string; with?: Record<string, unknown> }[] }>;
  };
  const used = new Set<string>();
  for (const { uses, with: given = {} } of Object.values(jobs).flatMap(({ steps }) => steps)) {
    if (uses === undefined) continue;
    const [name = "", ref] = uses.split("@");
    const known = actions[name];
    if (!known) throw new Error(`${basename(path)}: there is no action ${name}`);
    const wrong = Object.keys(given).filter((input) => !(input in known.inputs));
    if (wrong.length > 0)
      throw new Error(`${basename(path)}: Unexpected input(s) '${wrong.join("', '")}' of ${name}`);
    used.add(`${name.split("/").slice(0, 2).join("/")}@${ref}`);
  }
  return [...used];
}
