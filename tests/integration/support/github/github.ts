import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { execa } from "execa";
import { parse } from "yaml";
import { type ActResult, runAct } from "./act.ts";
import { afterRun, isStarted, type Occurrence, readOnly, type Workflow } from "./events.ts";
import { type ServedRepository, workflowsIn } from "./served-repository.ts";
import { type GitHubState, OWNER, type PullRequestState, REPOSITORY, WORKFLOW_LOGIN } from "./state.ts";

/** What somebody has set up for the repository. */
export interface Settings {
  readonly variables: Readonly<Record<string, string>>;
  readonly secrets: Readonly<Record<string, string>>;
  /** Secrets of environments, which a job has that names one. */
  readonly environments: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/** The machine that everything runs on. */
export interface Machine {
  readonly act: string;
  readonly actions: string;
  readonly scratch: string;
  readonly environment: Record<string, string>;
}

export interface WorkflowRun extends ActResult {
  readonly id: number;
  /** The file's name. */
  readonly file: string;
  /** What nobody but the run's steps that need it may know: its token and secrets. */
  readonly secrets: readonly string[];
}

/** Starts what GitHub starts for an event, with the rights, secrets and variables that it gives; and what follows from it. */
export class GitHub {
  readonly runs: WorkflowRun[] = [];
  #checkouts = 0;
  readonly #open = new Map<number, { workflow: Workflow; token: string; occurrence: Occurrence }>();

  readonly state: GitHubState;
  readonly served: ServedRepository;
  settings: Settings;
  readonly machine: Machine;

  constructor(state: GitHubState, served: ServedRepository, settings: Settings, machine: Machine) {
    this.state = state;
    this.served = served;
    this.settings = settings;
    this.machine = machine;
  }

  /** A pull request of a branch on top of main is opened, of a fork where it is not ours: its own workflows run. */
  async pullRequest(pull: PullRequestState): Promise<WorkflowRun[]> {
    const [login = "", ref = ""] = pull.label.split(":");
    const main = await this.served.resolve("main");
    const merge = `refs/pull/${pull.number}/merge`;
    await this.served.commit([pull.sha, main], {}, [merge]);
    this.state.pulls.push(pull);
    const repo = { full_name: `${login}/strata`, owner: { login }, fork: login !== OWNER };
    return await this.#happen(
      {
        event: "pull_request",
        ref: merge,
        isForeign: login !== OWNER,
        payload: {
          action: "opened",
          number: pull.number,
          pull_request: {
            number: pull.number,
            head: { ref, sha: pull.sha, repo, label: pull.label },
            base: { ref: "main", sha: main, repo: { full_name: REPOSITORY, owner: { login: OWNER } } },
          },
        },
      },
      { head_branch: ref, head_sha: pull.sha, head_repository: repo, event: "pull_request" },
    );
  }

  /** A preview of this pull request has ended, and left this archive. */
  async previewed({ label, sha }: PullRequestState, zip: Buffer): Promise<WorkflowRun[]> {
    const [login = "", ref = ""] = label.split(":");
    const run = 8_000;
    this.state.artifacts.push({ id: this.state.artifacts.length + 1, run, name: "preview", zip });
    const head_repository = { full_name: `${login}/strata`, owner: { login } };
    const followed = { event: "pull_request", head_branch: ref, head_sha: sha, head_repository };
    return await this.#happen(afterRun({ id: run, name: "preview", conclusion: "success", ...followed }));
  }

  async push(): Promise<WorkflowRun[]> {
    const after = await this.served.resolve("main");
    return await this.#happen({
      event: "push",
      ref: "refs/heads/main",
      payload: { ref: "refs/heads/main", after, deleted: false },
    });
  }

  /** The time of every schedule comes. */
  async schedule(file: string): Promise<WorkflowRun[]> {
    return await this.#happen({ event: "schedule", ref: "refs/heads/main", payload: { schedule: file } });
  }

  /** A job begins: its token may do what the job says. Without `permissions` a token may do nothing here. */
  begin(run: number, job: string): void {
    const { workflow, token, occurrence } = this.#known(run);
    const rights = workflow.jobs[job]?.permissions ?? workflow.permissions ?? {};
    const given = occurrence.isForeign ? readOnly(rights) : rights;
    const known = this.state.tokens.get(token);
    if (known) known.rights = given;
  }

  /** What a job's identity token says of it, as GitHub's page on OpenID Connect has it. */
  subjectOf(run: number, job: string): string | undefined {
    const { workflow, occurrence } = this.#known(run);
    const { permissions, environment } = workflow.jobs[job] ?? {};
    if (occurrence.isForeign || (permissions ?? workflow.permissions)?.["id-token"] !== "write")
      return undefined;
    if (environment) return `repo:${REPOSITORY}:environment:${environment}`;
    return `repo:${REPOSITORY}:${occurrence.event === "pull_request" ? "pull_request" : `ref:${occurrence.ref}`}`;
  }

  #known(run: number) {
    const known = this.#open.get(run);
    if (!known) throw new Error(`there is no run ${run}`);
    return known;
  }

  async #happen(
    occurrence: Occurrence,
    followed?: Readonly<Record<string, unknown>>,
  ): Promise<WorkflowRun[]> {
    const sha = await this.served.resolve(occurrence.ref);
    const checkout = join(this.machine.scratch, `checkout-${++this.#checkouts}`);
    await execa("git", ["clone", "--quiet", "--shared", "--no-checkout", this.served.path, checkout]);
    await execa("git", ["-C", checkout, "update-ref", "--no-deref", "HEAD", sha]);
    await execa("git", ["-C", checkout, "checkout", "--quiet", sha, "--", ".github"]);
    const started: WorkflowRun[] = [];
    for (const file of workflowsIn(checkout)) {
      const workflow = parse(readFileSync(join(checkout, ".github/workflows", file), "utf8")) as Workflow;
      if (!isStarted(workflow, file, occurrence)) continue;
      const run = await this.#run(file, workflow, occurrence, checkout);
      started.push(run);
      if (followed === undefined) continue;
      const conclusion = run.ok ? "success" : "failure";
      const next = afterRun({ id: run.id, name: workflow.name, conclusion, ...followed });
      started.push(...(await this.#happen(next)));
    }
    return started;
  }

  async #run(
    file: string,
    workflow: Workflow,
    occurrence: Occurrence,
    checkout: string,
  ): Promise<WorkflowRun> {
    const { state, settings, machine } = this;
    const id = 9_000 + this.runs.length + 1;
    const token = `ghs_${id}TokenOfThisRunAndOfNoOther`;
    state.tokens.set(token, { login: WORKFLOW_LOGIN, rights: {} });
    this.#open.set(id, { workflow, token, occurrence });
    const environments = Object.values(workflow.jobs).flatMap(({ environment }) => environment ?? []);
    const secrets = occurrence.isForeign
      ? {}
      : Object.assign({}, settings.secrets, ...environments.map((name) => settings.environments[name]));
    const scratch = join(machine.scratch, `run-${id}`);
    mkdirSync(join(scratch, "home"), { recursive: true });
    const repo = { full_name: REPOSITORY, name: "strata", owner: { login: OWNER }, default_branch: "main" };
    const result = await runAct({
      ...{ act: machine.act, actions: machine.actions, checkout, workflow: file, event: occurrence.event },
      payload: { repository: repo, ...occurrence.payload },
      secrets: { ...secrets, GITHUB_TOKEN: token },
      variables: settings.variables,
      context: {
        GITHUB_REPOSITORY: REPOSITORY,
        GITHUB_RUN_ID: String(id),
        GITHUB_REF: occurrence.ref,
      },
      environment: { ...machine.environment, HOME: join(scratch, "home"), TMPDIR: machine.scratch },
      scratch,
    }).catch((error: Error) => ({ ok: false, jobs: {}, failures: [], summary: "", output: error.message }));
    // It ends with its run.
    state.tokens.delete(token);
    const run = { ...result, id, file, secrets: [token, ...(Object.values(secrets) as string[])] };
    this.runs.push(run);
    return run;
  }
}
