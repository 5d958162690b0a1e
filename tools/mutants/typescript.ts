import { existsSync, globSync, readFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "../../errors.ts";
import { home, repository } from "../../home.ts";
import { attempt, tail } from "../program/exec.ts";
import { withProgress } from "../program/progress.ts";
import { installStryker } from "./install-stryker.ts";

/** How many mutants of a room the tests noticed. */
export interface Score {
  readonly room: string;
  readonly killed: number;
  /** Mutants that no test noticed, each as `file:line replacement`. */
  readonly survivors: readonly string[];
  /** The page that shows each of them. */
  readonly report: string;
}

/** Tests that say something of a room and lie elsewhere; what mirrors a room is always tried. */
export const alsoTestedBy: Readonly<Record<string, readonly string[]>> = {
  lib: ["tests/unit/config.test.ts", "tests/unit/lib/audit/*.test.ts", "tests/unit/lib/locks/*.test.ts"],
  "lib/comfyui/workflow": ["tests/unit/lib/comfyui/custom-nodes.test.ts"],
  "lib/evidence": ["tests/unit/tools/promotion/*.test.ts"],
  "lib/models": ["tests/unit/lib/comfyui/workflow/compare.test.ts"],
  "lib/recipe": ["tests/unit/layers/*.test.ts", "tests/unit/lib/plan/plan.test.ts"],
  "lib/lock-making": ["tests/unit/lib/locks/*.test.ts"],
  "lib/locks": ["tests/unit/lib/lock-making/resolver-conflict.test.ts"],
  "lib/registry": ["tests/unit/config.test.ts"],
  "oci/access": ["tests/unit/oci/read/image.test.ts"],
  "oci/write": ["tests/unit/oci/read/referrers.test.ts"],
};

/** What is mutated where nobody names a room: the floors without side effects of their own. */
export function pureRooms(): string[] {
  const rooms = ["lib/*/", "lib/comfyui/workflow", "oci/*/"].flatMap((pattern) =>
    globSync(pattern, { cwd: repository }),
  );
  return [...rooms.map((room) => room.replace(/\/$/, "")), "lib", "oci"].sort();
}

/**
 * Changes the sources of a room in a copy of the repository, one place at a time, and runs its tests on each.
 *
 * @param room a folder; the folders inside are rooms of their own
 */
export async function tryMutants(room: string): Promise<Score> {
  const sources = globSync(`${room}/*.ts`, { cwd: repository });
  if (sources.length === 0)
    throw new UserError(`--room ${room}`, "has no TypeScript.", "Name a folder: lib/plan.");
  const stryker = await installStryker();
  const name = room.replaceAll("/", "-");
  const file = (ending: string) => join(home.mutants, `${name}.${ending}`);
  await mkdir(home.mutants, { recursive: true });
  await writeFile(file("config.json"), JSON.stringify(configuration(room, sources, file), null, 2));
  const result = await withProgress(`Trying mutants of ${room}`, (say) =>
    attempt("nice", [process.execPath, stryker, "run", file("config.json")], {
      cwd: repository,
      onLine: say,
    }),
  );
  if (!result.ok || !existsSync(file("json"))) {
    throw new UserError(
      room,
      `StrykerJS failed:\n${tail(result.all, 20)}\n`,
      "Do the tests pass without mutants?",
    );
  }
  return scoreOf(room, JSON.parse(readFileSync(file("json"), "utf8")), file("html"));
}

function configuration(room: string, sources: readonly string[], file: (ending: string) => string): object {
  const also = alsoTestedBy[room] ?? [];
  const gone = also.find((pattern) => globSync(pattern, { cwd: repository }).length === 0);
  if (gone) throw new Error(`no test is called ${gone}: what is also tried on ${room} was renamed.`);
  const tests = [`tests/unit/${room}/*.test.ts`, ...also];
  return {
    mutate: sources,
    plugins: [join(import.meta.dirname, "stryker-plugin.ts")],
    testRunner: "node-test",
    nodeTestFiles: [...new Set(tests.flatMap((pattern) => globSync(pattern, { cwd: repository })))].sort(),
    // Node prints what it runs; only Stryker's result counts.
    testRunnerNodeArgs: [
      "--test-reporter=dot",
      "--test-reporter-destination=stderr",
      "--disable-warning=ExperimentalWarning",
    ],
    coverageAnalysis: "perTest",
    // See wording.ts: which texts are left alone, and why.
    ignorers: ["wording"],
    reporters: ["json", "html", "progress-append-only"],
    jsonReporter: { fileName: file("json") },
    htmlReporter: { fileName: file("html") },
    incremental: true,
    incrementalFile: file("incremental.json"),
    // Two at a time leave the machine usable; a copy of every module stays in memory for each mutant of a constant.
    concurrency: 2,
    maxTestRunnerReuse: 400,
    timeoutMS: 60_000,
    tempDirName: join(home.mutants, "sandbox"),
    ignorePatterns: [".strata"],
    // Node strips types without checking them, and so does a mutant; the second names no file, so that none is read.
    disableTypeChecks: false,
    tsconfigFile: "none.json",
    allowConsoleColors: false,
    warnings: { slow: false },
  };
}

/** As much of mutation-testing-report-schema as is read here. */
interface Report {
  readonly files: Readonly<Record<string, { readonly mutants: readonly Mutant[] }>>;
}
interface Mutant {
  readonly status: string;
  readonly replacement?: string;
  readonly mutatorName: string;
  readonly location: { readonly start: { readonly line: number } };
}

function scoreOf(room: string, { files }: Report, report: string): Score {
  const mutants = Object.entries(files).flatMap(([file, { mutants: all }]) =>
    all.map((mutant) => ({ file, mutant })),
  );
  const having = (...statuses: string[]) => mutants.filter(({ mutant }) => statuses.includes(mutant.status));
  return {
    room,
    killed: having("Killed", "Timeout").length,
    survivors: having("Survived", "NoCoverage").map(
      ({ file, mutant: { location, replacement, mutatorName } }) =>
        `${file}:${location.start.line} ${mutatorName} ${(replacement ?? "").replace(/\s+/g, " ").slice(0, 80)}`,
    ),
    report,
  };
}
