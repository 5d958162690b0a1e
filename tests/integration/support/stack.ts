import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { type Home, homeAt, repository } from "../../../home.ts";
import type { Plan } from "../../../lib/plan/plan.ts";
import type { RecordedStack } from "../../../lib/state/recorded-stack.ts";
import { parseEvent } from "../../../tools/pulumi/engine-events.ts";
import { recover } from "../../../tools/pulumi/recover.ts";
import { stopServices } from "../../../tools/services/services.ts";
import { setUp } from "../../../tools/setup/setup.ts";
import { recordOf } from "../../../tools/stack/outputs.ts";
import type { Stack } from "../../../tools/stack/stack.ts";
import { writeFile } from "../../support/layers.ts";
import { type ProductName, products } from "./products.ts";

/** One stack of the small program with a builder and a registry of its own, on free ports. */
export interface TestStack {
  readonly registry: string;
  /** `host:port/path` of the stack's images. */
  readonly repository: string;
  /** Folder for the audit's listings. */
  readonly auditCache: string;
  readonly home: Home;
  /** As the tools know it. */
  readonly stack: Stack;
  /** The plan of its layers as they are now. */
  plan(): Plan;
  /** Writes a file of a layer. */
  edit(path: string, text: string): void;
  pulumi(...args: string[]): Promise<{ stdout: string; exitCode: number | undefined }>;
  /** `pulumi up`: what changed, by resource name, and what the stack's state says of its image. */
  up(): Promise<StackUpdate>;
  /** `pulumi up`, killed with all that it started once `enough` says so, and cleared away as `make up` does. */
  upUntil(enough: () => Promise<boolean>): Promise<{ exitCode: number | undefined }>;
  /** Makes sure that the stack exists. */
  init(): Promise<void>;
  /** Throws the builder's state away and starts an empty one. */
  emptyBuilder(): Promise<void>;
  /** The path of a layer's file. */
  pathOf(path: string): string;
  /** What the builder holds: bytes, and what each record came from. */
  builderRecords(): Promise<
    readonly { readonly id: string; readonly size: number; readonly description: string }[]
  >;
  /** The same stack in another environment. */
  with(environment: Readonly<Record<string, string>>): TestStack;
  /** A second stack: other images, other caches, nothing shared but the services. */
  sibling(name: string): TestStack;
  close(): Promise<void>;
}

export interface StackUpdate {
  /** Operations by resource name: `create`, `update`, `replace`; unchanged ones are absent. */
  readonly changed: Readonly<Record<string, string>>;
  readonly stages: Readonly<
    Record<string, { key: string; digest: string; bytes: number; inputs: Readonly<Record<string, string>> }>
  >;
  readonly reference: string;
  /** The image of what the product does not hold, where there is such a thing. */
  readonly library: string | null;
}

/** Bytes that the small layers need at most. */
const smallBuild = 3e9;

/**
 * Starts builder and registry in a temporary home, with the base image in it.
 *
 * @param prepare what comes before the builder; what it gives is added to the environment of every run
 */
export async function openTestStack(
  product: ProductName = "small",
  prepare: (home: Home) => Promise<Readonly<Record<string, string>>> = async () => ({}),
): Promise<TestStack> {
  const root = mkdtempSync(join(tmpdir(), "strata-integration-"));
  const home = homeAt(join(root, "home"));
  const prepared = await prepare(home);
  const { services, base, environment } = await setUp(home, "debian-bookworm", smallBuild);
  // Readers of this process have another home, and find the registry's login where the builds do.
  process.env.DOCKER_CONFIG = environment.DOCKER_CONFIG;
  const program = join(repository, "tests", "integration", "program");

  const open = (name: string, more: Readonly<Record<string, string>> = {}): TestStack => {
    const layers = join(root, name, "layers");
    for (const [path, text] of Object.entries(products[product].files)) writeFile(layers, path, text);
    const env = {
      ...environment,
      STRATA_HOME: home.root,
      STRATA_TEST_PRODUCT: product,
      STRATA_TEST_LAYERS: layers,
      STRATA_TEST_BASE: base.reference,
      STRATA_TEST_REPOSITORY: name,
      ...prepared,
      ...more,
    };
    const pulumi = (...args: string[]) =>
      execa("pulumi", [...args, "--stack", name], {
        cwd: program,
        env,
        stdin: "ignore",
        reject: false,
        all: true,
      });
    let created = false;
    const init = async () => {
      if (!created) await pulumi("stack", "init");
      created = true;
    };
    const test: TestStack = {
      registry: services.registry.address,
      repository: `${services.registry.address}/${name}`,
      auditCache: home.audit,
      home,
      stack: {
        name,
        folder: program,
        project: "strata-integration",
        pulumi: join(home.bin, "pulumi"),
        environment: env,
      },
      plan: () => products[product].plan(layers, base.reference),
      edit: (path, text) => writeFile(layers, path, text),
      pathOf: (path) => join(layers, path),
      pulumi: async (...args) => {
        const { stdout, exitCode } = await pulumi(...args);
        return { stdout, exitCode };
      },
      init,
      async up() {
        await init();
        const run = await pulumi("up", "--yes", "--skip-preview", "--non-interactive", "--json");
        if (run.exitCode !== 0) throw new Error(`pulumi up failed:\n${run.all}`);
        return { ...readEvents(run.stdout), ...resultOf(await recordOf(home, test.stack)) };
      },
      async upUntil(enough) {
        await init();
        const run = pulumi("up", "--yes", "--skip-preview", "--non-interactive");
        let isOver = false;
        const ended = run.then(({ exitCode }) => {
          isOver = true;
          return { exitCode };
        });
        while (!isOver && !(await enough())) await sleep(100);
        if (!isOver && run.pid) for (const pid of treeOf(run.pid)) kill(pid);
        const result = await ended;
        await recover(home, test.stack);
        return result;
      },
      async emptyBuilder() {
        await stopServices(home);
        rmSync(home.buildkit, { recursive: true, force: true });
        await setUp(home, "debian-bookworm", smallBuild);
      },
      async builderRecords() {
        const query = ["--addr", services.builder.address, "du", "--format", "{{json .}}"];
        // It has been seen to answer in full and then to fail with "context deadline exceeded".
        const usage = await execa(join(home.bin, "buildctl"), query, { reject: false });
        if (usage.stdout === "") throw new Error(`buildctl du says nothing: ${usage.stderr}`);
        return JSON.parse(usage.stdout) as { id: string; size: number; description: string }[];
      },
      with: (environment) => open(name, environment),
      sibling: (other) => open(other),
      async close() {
        await stopServices(home);
        rmSync(root, { recursive: true, force: true });
      },
    };
    return test;
  };
  return open("one");
}

/** What the tests read of a stack's state: the product is among the stages under that name. */
function resultOf({ stages, product, recipe }: RecordedStack): Omit<StackUpdate, "changed"> {
  const { reference, models } = product as { reference: string; models: string | null };
  const named = Object.entries(stages ?? {}).map(([name, stage]) => [
    name === recipe ? "product" : name,
    stage,
  ]);
  return { stages: Object.fromEntries(named), reference, library: models };
}

/** What an update did to each image, by resource name, from the engine's events. */
function readEvents(stdout: string): Pick<StackUpdate, "changed"> {
  const changed: Record<string, string> = {};
  for (const event of stdout.split("\n").map(parseEvent)) {
    const operation = event?.resOutputsEvent?.metadata;
    const isImage =
      operation?.type === "docker-build:index:Image" || operation?.urn.includes("strata:index:ProductImage$");
    if (operation && isImage && operation.op !== "same") {
      changed[nameOf(operation.urn)] = operation.op;
    }
  }
  return { changed };
}

/** A process and all below it, the lowest first. */
function treeOf(pid: number): number[] {
  const parents = execFileSync("ps", ["-eo", "pid=,ppid="])
    .toString()
    .split("\n")
    .map((line) => line.trim().split(/\s+/).map(Number));
  const below = (parent: number): number[] =>
    parents.flatMap(([child, of]) => (child && of === parent ? [...below(child), child] : []));
  return [...below(pid), pid];
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended by itself.
  }
}

function nameOf(urn: string): string {
  return urn.split("::").at(-1) ?? urn;
}
