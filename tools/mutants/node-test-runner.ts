/** Tries mutants with files of `node:test`, all in one process: starting one for each mutant takes far longer. */
import { readFileSync } from "node:fs";
import { registerHooks, stripTypeScriptTypes } from "node:module";
import { resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { type KeptFile, keepTests } from "./node-test.ts";

/** What Stryker's own code in a mutated file reads and writes. */
interface Namespace {
  activeMutant?: string | undefined;
  currentTestId?: string | undefined;
  hitCount?: number | undefined;
  hitLimit?: number | undefined;
  mutantCoverage?: unknown;
}

/** A mutant, and the tests to run on it. */
interface MutantRun {
  readonly activeMutant: { readonly id: string; readonly fileName: string };
  readonly mutantActivation: "static" | "runtime";
  readonly testFilter?: readonly string[];
  readonly hitLimit?: number;
  readonly disableBail: boolean;
  readonly reloadEnvironment: boolean;
}

/** Stryker's `TestStatus`. */
const SUCCESS = 0;
const FAILED = 1;
const SKIPPED = 2;

/** Stryker's `TestRunner`: its types are not imported, as it lies in a folder of its own. */
export class NodeTestRunner {
  private readonly files: readonly string[];
  private readonly loaded = new Map<string, KeptFile>();
  private readonly namespace: Namespace = {};
  /** Part of each module's address: another number is another copy of them all. */
  private generation = 0;

  constructor({ nodeTestFiles }: { nodeTestFiles: readonly string[] }) {
    this.files = nodeTestFiles;
  }

  capabilities() {
    return { reloadEnvironment: true };
  }

  async init(): Promise<void> {
    Object.assign(globalThis, { __stryker__: this.namespace });
    const shimUrl = new URL("./node-test.ts", import.meta.url).href;
    const sandbox = pathToFileURL(`${process.cwd()}/`).href;
    const sources = new Map<string, string>();
    const isOurs = (url: string) =>
      url.startsWith(sandbox) && url.includes(".ts") && !url.includes("/node_modules/");
    registerHooks({
      resolve: (specifier, context, next) => {
        if (specifier === "node:test" && context.parentURL !== shimUrl)
          return { url: shimUrl, shortCircuit: true };
        const resolved = next(specifier, context);
        return isOurs(resolved.url)
          ? { ...resolved, url: `${resolved.url.split("?")[0]}?${this.generation}` }
          : resolved;
      },
      load: (url, context, next) => {
        if (!isOurs(url)) return next(url, context);
        const path = fileURLToPath(url);
        const source = sources.get(path) ?? stripTypeScriptTypes(readFileSync(path, "utf8"));
        sources.set(path, source);
        return { format: "module", source, shortCircuit: true };
      },
    });
  }

  async dryRun() {
    const tests = [];
    for (const file of this.files) {
      for (const { id, run } of await this.testsOf(file)) {
        this.namespace.currentTestId = id;
        const started = performance.now();
        const failure = await run();
        this.namespace.currentTestId = undefined;
        tests.push({
          id,
          name: id,
          fileName: resolve(file),
          timeSpentMs: performance.now() - started,
          ...(failure === undefined
            ? { status: SUCCESS }
            : failure === null
              ? { status: SKIPPED }
              : { status: FAILED, failureMessage: failure }),
        });
      }
    }
    const mutantCoverage = this.namespace.mutantCoverage ?? { static: {}, perTest: {} };
    return { status: "complete", tests, mutantCoverage };
  }

  async mutantRun(options: MutantRun) {
    const { activeMutant, mutantActivation, testFilter, hitLimit, disableBail } = options;
    if (options.reloadEnvironment) {
      await this.dispose();
      this.generation++;
    }
    const selectedTests = testFilter && new Set(testFilter);
    const files = this.inOrder(activeMutant.fileName).filter(
      (file) => !selectedTests || testFilter?.some((id) => id.startsWith(`${file}: `)),
    );
    this.namespace.activeMutant = undefined;
    // What is looked for here happens while a module is read for the first time: else it is read before.
    if (mutantActivation === "static") this.namespace.activeMutant = activeMutant.id;
    else for (const file of files) await this.testsOf(file);
    Object.assign(this.namespace, {
      activeMutant: activeMutant.id,
      hitCount: hitLimit === undefined ? undefined : 0,
      hitLimit,
    });
    try {
      return await this.tryMutant(files, selectedTests, disableBail);
    } finally {
      this.namespace.activeMutant = undefined;
    }
  }

  private async tryMutant(
    files: readonly string[],
    selectedTests: Set<string> | undefined,
    disableBail: boolean,
  ) {
    const killedBy: string[] = [];
    let failureMessage = "";
    let nrOfTests = 0;
    for (const file of files) {
      const tests = await this.testsOf(file).catch((error: unknown) => [
        { id: `${file}: is read`, run: async () => `cannot be read: ${error}` },
      ]);
      for (const { id, run } of tests) {
        if (selectedTests && !selectedTests.has(id)) continue;
        nrOfTests++;
        const failure = await run();
        const { hitCount = 0, hitLimit = Number.POSITIVE_INFINITY } = this.namespace;
        if (hitCount > hitLimit) return { status: "timeout", reason: "a loop without end" };
        if (!failure) continue;
        killedBy.push(id);
        failureMessage ||= failure;
        if (!disableBail) return { status: "killed", killedBy, failureMessage, nrOfTests };
      }
    }
    return killedBy.length > 0
      ? { status: "killed", killedBy, failureMessage, nrOfTests }
      : { status: "survived", nrOfTests };
  }

  async dispose(): Promise<void> {
    for (const { after } of this.loaded.values()) for (const work of after) await work();
    this.loaded.clear();
  }

  /** The test file that mirrors a source file first: it mostly says enough. */
  private inOrder(source: string): string[] {
    const mirrored = (file: string) =>
      source.endsWith(file.replace(/^tests\/unit\//, "").replace(".test.ts", ".ts"));
    return this.files.toSorted((a, b) => Number(mirrored(b)) - Number(mirrored(a)));
  }

  private async testsOf(file: string) {
    let kept = this.loaded.get(file);
    if (!kept) {
      kept = await keepTests(pathToFileURL(resolve(file)).href);
      this.loaded.set(file, kept);
      for (const work of kept.before) await work();
    }
    const seen = new Set<string>();
    return kept.tests.map(({ name, run }) => {
      let id = `${file}: ${name}`;
      while (seen.has(id)) id += "'";
      seen.add(id);
      return { id, run };
    });
  }
}
