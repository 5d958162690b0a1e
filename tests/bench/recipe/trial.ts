/** One run of the bench of a recipe: a clone, a home, and three ways to build what the clone says. */
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { execa } from "execa";
import { type Home, homeAt } from "../../../home.ts";
import { parseSize } from "../../../lib/size.ts";
import { findRecipe } from "../../../recipes/index.ts";
import { note, withProgress } from "../../../tools/program/progress.ts";
import { recallServices } from "../../../tools/services/record.ts";
import { stopServices } from "../../../tools/services/services.ts";
import { setUp } from "../../../tools/setup/setup.ts";
import { cloneTo } from "../../support/clone.ts";
import { type GitServer, startGitServer } from "../../support/git-server.ts";
import { type Buildx, bake, openBuildx } from "./bake.ts";
import { type BuilderState, type CaseName, cases } from "./cases.ts";
import { changeScript, type Mirrors, moveNode, movePackage, writeStack } from "./changes.ts";
import { type Contents, readContents } from "./contents.ts";
import { type Costs, measured, storedBytes } from "./meter.ts";
import { type Peer, peers, writePeerFiles } from "./peer-files.ts";

export interface TrialOptions {
  readonly generation: string;
  /** Of the case `generation`, one after the other. */
  readonly others: readonly string[];
  /** Of which an older version is taken. */
  readonly package: string;
  readonly mirrors: Mirrors;
  /** A program in place of the pinned one. */
  readonly buildx?: string | undefined;
  /** Of the stack, beside these. */
  readonly settings: Readonly<Record<string, unknown>>;
}

export interface Trial {
  /** From now on `who` builds, from a clone without changes, on an empty builder. */
  begin(who: Builder): Promise<void>;
  /** Makes the case's change, and measures its build. */
  build(name: CaseName, builder: BuilderState): Promise<Costs>;
  close(): Promise<void>;
}

/** Who builds. */
export type Builder = "strata" | Peer;

/** Of disk, in terms of the compressed image: one builder that has it unpacked, and three images with their caches. */
const ROOM = 8;
const STACK = "bench";
/** The set of torch and CUDA that is not the default. */
const otherCuda = "12.8";

/** Starts builder and registry in `folder`. */
export async function openTrial(folder: string, recipe: string, options: TrialOptions): Promise<Trial> {
  const paths = { root: join(folder, "clone"), peers: join(folder, "peers"), served: join(folder, "git") };
  mkdirSync(paths.served, { recursive: true });
  const home = homeAt(join(folder, "home"));
  const { sizeBudget } = (await findRecipe(recipe)).recipe;
  const { environment } = await setUp(home, "debian-bookworm", ROOM * parseSize(sizeBudget, "sizeBudget"));
  // What is read in this process wants the registry's login.
  process.env.DOCKER_CONFIG = environment.DOCKER_CONFIG;
  const git = await startGitServer(paths.served);
  const buildx = await withProgress("buildx", () => openBuildx(home, folder, options.buildx));
  return new RunningTrial({ home, paths, git, buildx, recipe, options });
}

interface Parts {
  readonly home: Home;
  readonly paths: { readonly root: string; readonly peers: string; readonly served: string };
  readonly git: GitServer;
  readonly buildx: Buildx;
  readonly recipe: string;
  readonly options: TrialOptions;
}

class RunningTrial implements Trial {
  readonly #parts: Parts;
  /** What changes have made of the stack. */
  #settings: Record<string, unknown> = {};
  #mirrors: Record<string, string> = {};
  #round = 0;
  #others: string[] = [];
  #who: Builder = "strata";
  #storedBefore = 0;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  #writeStack(): void {
    const { paths, recipe, options } = this.#parts;
    const { generation, mirrors, settings } = options;
    const tags = ["bench-{generation}"];
    const given = { mirrors: { ...mirrors, ...this.#mirrors }, generation, recipe, tags };
    const all = { ...given, ...settings, ...this.#settings };
    writeStack(paths.root, STACK, all);
  }

  async begin(who: Builder): Promise<void> {
    const { paths, options, home } = this.#parts;
    this.#who = who;
    [this.#settings, this.#mirrors, this.#round, this.#others] = [{}, {}, 0, [...options.others]];
    rmSync(paths.root, { recursive: true, force: true });
    cloneTo(paths.root);
    this.#writeStack();
    await this.#emptyBuilder();
    this.#storedBefore = storedBytes(home);
  }

  async build(name: CaseName, builder: BuilderState): Promise<Costs> {
    const { home, paths, buildx } = this.#parts;
    const who = this.#who;
    await this.#change(name);
    if (builder === "empty" && name !== "cold") await this.#emptyBuilder();
    const contents = await this.#contents();
    if (who !== "strata") writePeerFiles(paths.peers, contents);
    const registry = (await recallServices(home))?.registry.address ?? "";
    const title = `${cases[name]}, ${builder} builder: ${who === "strata" ? who : peers[who]}`;
    return await withProgress(title, () =>
      measured(home, this.#storedBefore, async () => {
        if (who === "strata") return await this.#up();
        await bake(buildx, { folder: paths.peers, peer: who, registry, contents });
        return 0;
      }),
    );
  }

  async #change(name: CaseName): Promise<void> {
    const { paths, options, git } = this.#parts;
    this.#round++;
    if (name === "script") changeScript(paths.root, this.#round);
    if (name === "node") {
      const moved = await moveNode(await this.#contents(), paths.served, options.mirrors, this.#round);
      this.#mirrors[moved] = `${git.address}${moved.split("/").slice(-2).join("/")}`;
    }
    // Each time another version: it goes back by one more.
    if (name === "package") await movePackage(await this.#contents(), options.package);
    if (name === "torch") this.#settings.cuda = otherCuda;
    if (name === "generation") {
      this.#settings.generation = this.#others.shift();
      // llama.cpp is compiled for cards with the default set alone.
      delete this.#settings.cuda;
    }
    this.#writeStack();
  }

  /** `make up`; returns the seconds that its test took. */
  async #up(): Promise<number> {
    const { home, paths } = this.#parts;
    const run = execa(process.execPath, [join(paths.root, "tools/commands/up.ts"), "--stack", STACK], {
      cwd: paths.root,
      env: { STRATA_HOME: home.root, NODE_COMPILE_CACHE: join(home.root, "compiled") },
      stdin: "ignore",
      reject: false,
      all: true,
    });
    let [began, ended] = [0, 0];
    createInterface({ input: run.all }).on("line", (line) => {
      if (/^ {2}\S+-smoke: (create|rebuild|update)/.test(line)) began = performance.now();
      if (/^ {2}\S+-smoke: done/.test(line) && ended === 0) ended = performance.now();
    });
    const { exitCode, all } = await run;
    if (exitCode !== 0) throw new Error(`make up failed:\n${all}`);
    if (began === 0) note("bench: nothing was tested");
    return began === 0 ? 0 : (ended - began) / 1000;
  }

  async #contents(): Promise<Contents> {
    const { paths, home } = this.#parts;
    return await readContents(paths.root, home.root, STACK);
  }

  async #emptyBuilder(): Promise<void> {
    const { home } = this.#parts;
    await stopServices(home);
    rmSync(home.buildkit, { recursive: true, force: true });
    await setUp(home, "debian-bookworm");
  }

  async close(): Promise<void> {
    await this.#parts.git.stop();
    await stopServices(this.#parts.home);
  }
}
