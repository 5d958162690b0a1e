import { cpSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { UserError } from "../../errors.ts";
import { repository } from "../../home.ts";
import { keptWheels } from "../lint/wheels.ts";
import { attempt, run, tail } from "../program/exec.ts";
import { withProgress } from "../program/progress.ts";
import { type PythonSubject, pythonSubjects } from "./python-subjects.ts";

/** What became of the mutants of a subject. */
export interface MutantScore {
  readonly subject: string;
  readonly killed: number;
  /** Differences that no test noticed. */
  readonly survivors: readonly string[];
}

/**
 * cosmic-ray, because it needs of the tests only a command, and of the code only files: mutmut wants pytest and modules
 * that are called as their paths, mutatest is not kept up.
 */
const requirements = "tools/mutants/requirements.txt";
const folders = ["layers", "smoke", "tests/python", "tools/lock/node_classes"];

/**
 * Of the many that cosmic-ray has for one operator, those that are easily written by mistake. `|` is mostly part of a
 * type, which nothing computes.
 */
const meant = {
  Binary: [
    "Add_Sub",
    "Sub_Add",
    "Mul_FloorDiv",
    "Div_Mul",
    "FloorDiv_Mul",
    "Mod_Mul",
    "LShift_RShift",
    "RShift_LShift",
  ],
  Comparison: ["Eq_NotEq", "NotEq_Eq", "Lt_LtE", "LtE_Lt", "Gt_GtE", "GtE_Gt", "Is_IsNot", "IsNot_Is"],
  Unary: ["USub_UAdd", "Delete_Not"],
};

/** A line of `cosmic-ray dump`: a mutant, and what came of it. */
const itemSchema = z.tuple([
  z.object({ mutations: z.array(z.object({ module_path: z.string() })) }),
  z
    .object({
      worker_outcome: z.string(),
      test_outcome: z.string().nullish(),
      diff: z.string().nullish(),
    })
    .nullable(),
]);

/**
 * Changes the programs of layers/ and the smoke checks' library in one place at a time, in a copy, and sees whether
 * their tests fail. One mutant after the other: many tests listen on ports, and time matters to some.
 *
 * @param names of subjects; all of them without
 */
export async function mutatePython(names: readonly string[] = []): Promise<MutantScore[]> {
  const unknown = names.filter((name) => !pythonSubjects.some((subject) => subject.name === name));
  if (unknown.length > 0) {
    const subjectNames = pythonSubjects.map(({ name }) => name).join(", ");
    throw new UserError(
      unknown.join(", "),
      "is no subject of Python's mutants.",
      `There are: ${subjectNames}.`,
    );
  }
  const tool = await wheels(requirements);
  const packages = await wheels("tests/python/requirements.txt");
  const copy = await mkdtemp(join(tmpdir(), "strata-mutants-"));
  try {
    const filter = (path: string) => !path.includes("__pycache__");
    for (const folder of folders) {
      cpSync(join(repository, folder), join(copy, folder), { recursive: true, filter });
    }
    const scores: MutantScore[] = [];
    for (const subject of pythonSubjects) {
      if (names.length > 0 && !names.includes(subject.name)) continue;
      scores.push(
        await withProgress(`Mutants of ${subject.name}`, () => mutate(subject, copy, { tool, packages })),
      );
    }
    return scores;
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
}

async function wheels(file: string): Promise<string> {
  const { folder, missing } = await keptWheels(file, "python3");
  if (folder) return folder;
  throw new UserError(file, `cannot be installed: ${missing}`, "Mutants of Python need Python 3 with pip.");
}

async function mutate(
  subject: PythonSubject,
  copy: string,
  { tool, packages }: { readonly tool: string; readonly packages: string },
): Promise<MutantScore> {
  // The tests' own packages first: the tool has some of them too.
  const command = `env PYTHONPATH=${packages} sh -c 'cd ${subject.tests} && exec python3 -m unittest --quiet --failfast ${subject.names.join(" ")}'`;
  const started = Date.now();
  const baseline = await attempt("sh", ["-c", command], { cwd: copy, env: { PYTHONDONTWRITEBYTECODE: "1" } });
  if (!baseline.ok) {
    const said = `${subject.names.join(", ")} fail without a mutant:\n${tail(baseline.all, 15)}\n`;
    throw new UserError(subject.name, said, "Mend the tests first.");
  }
  const seconds = Math.ceil((5 * (Date.now() - started)) / 1_000) + 20;
  await writeFile(join(copy, "mutants.toml"), configuration(subject, command, seconds));
  await rm(join(copy, "mutants.sqlite"), { force: true });
  const ray = (program: string, ...args: string[]) =>
    run(join(tool, "bin", program), args, { cwd: copy, env: { PYTHONPATH: tool } });
  await ray("cosmic-ray", "init", "mutants.toml", "mutants.sqlite");
  await ray("cr-filter-operators", "mutants.sqlite", "mutants.toml");
  await ray("cosmic-ray", "exec", "mutants.toml", "mutants.sqlite");
  return { subject: subject.name, ...readResults(await ray("cosmic-ray", "dump", "mutants.sqlite")) };
}

/** cosmic-ray's configuration; `seconds` is how long the tests of one mutant may take before it counts as killed. */
function configuration({ folder, modules }: PythonSubject, command: string, seconds: number): string {
  const left = Object.entries(meant).map(
    ([kind, kept]) => `core/Replace${kind}Operator_(?!(${kept.join("|")})$)`,
  );
  return [
    "[cosmic-ray]",
    `module-path = ${JSON.stringify(modules.map((name) => `${folder}/${name}.py`))}`,
    `timeout = ${seconds}.0`,
    "excluded-modules = []",
    `test-command = ${JSON.stringify(command)}`,
    "[cosmic-ray.distributor]",
    'name = "local"',
    "[cosmic-ray.filters.operators-filter]",
    `exclude-operators = ${JSON.stringify(left)}`,
    "",
  ].join("\n");
}

/** The mutants of `cosmic-ray dump` that were tried; one that could not be run at all says nothing. */
export function readResults(dump: string): Omit<MutantScore, "subject"> {
  const results = dump
    .split("\n")
    .filter(Boolean)
    .map((line) => itemSchema.parse(JSON.parse(line))[1]);
  const of = (outcome: string) =>
    results.filter((result) => result?.worker_outcome === "normal" && result.test_outcome === outcome);
  return { killed: of("killed").length, survivors: of("survived").map((result) => result?.diff ?? "") };
}
