import { gt, valid } from "@renovatebot/pep440";
import { z } from "zod";
import { UserError } from "../../errors.ts";
import { normaliseName } from "../locks/python-lock.ts";
import type { Plan, Stage } from "./plan.ts";

const check = z.strictObject({
  name: z.string(),
  /** What it has seen, `239 distributions`; empty where something is wrong. */
  note: z.string(),
  /** One line for each thing that is wrong. */
  problems: z.array(z.string()),
});

/** What `layers/verify/verify.py --json` prints. */
const verified = z.strictObject({
  checks: z.array(check),
  distributions: z.array(z.strictObject({ name: z.string(), version: z.string() })),
});
export type VerifiedPackages = z.infer<typeof verified>;

const reportedPackage = z.strictObject({
  name: z.string(),
  /** Of the copy that is installed. */
  version: z.string(),
  /** The stage that brings it; null for one that no stage is to bring. */
  stage: z.string().nullable(),
  /** The newest version in the index that fits the image's Python; null where nobody was asked, or it is in no index. */
  newest: z.string().nullable(),
});

/** What `npm run check-packages -- --json` prints. */
export const packageReport = z.strictObject({
  version: z.literal(1),
  recipe: z.string(),
  checks: z.array(check),
  /** Everything that is installed, by name; two copies are two entries. */
  packages: z.array(reportedPackage),
  /** Whether the index was asked for newer versions. */
  asked: z.boolean(),
  /** `broken` when any check has a problem; a newer version is none. */
  verdict: z.enum(["pass", "broken"]),
});
export type PackageReport = z.infer<typeof packageReport>;

/** The stage that checks a recipe's packages while it is built; its files check them again. */
export function verifyStage({ stages, recipe }: Plan): Stage {
  const verify = stages.find(({ name }) => name === "verify");
  if (verify) return verify;
  throw new UserError(
    "make check-packages",
    `${recipe} has no stage "verify", so nothing says which packages it is to have.`,
    "Add verification(layers) of layers/verify/layer.ts to the recipe's buildLayers.",
  );
}

/** A line for `sh`: the checks of that stage on the whole product, then torch's own; in the product's Python. */
export function verifyCommand({ files }: Stage): string {
  const exceptions = files.some(({ path }) => path === "allowed.json") ? " /context/allowed.json" : "";
  const python = "/opt/venv/bin/python3 -sB";
  return [
    `${python} /context/verify.py --product --json / /context/distributions.txt${exceptions}`,
    `if imports=$(${python} /context/import_torch.py 2>&1); then echo pass; else echo FAIL; fi`,
    'printf "%s\\n" "$imports"',
  ].join("\n");
}

/** Reads what `verifyCommand` wrote; its errors the user has seen already. */
export function readVerified(stdout: string): VerifiedPackages {
  const [json = "", outcome, ...imports] = stdout.trimEnd().split("\n");
  if (!json.startsWith("{")) {
    throw new UserError(
      "the image's Python",
      "cannot run the checks; the lines above say why.",
      "Look at it: make shell COMMAND='/opt/venv/bin/python3 -V'",
    );
  }
  const { checks, distributions } = verified.parse(JSON.parse(json));
  const lines = imports.filter((line) => line.trim() !== "");
  // A traceback's last line says what is wrong.
  const torch =
    outcome === "pass"
      ? { note: lines.at(-1) ?? "", problems: [] }
      : { note: "", problems: lines.slice(-LINES_OF_TRACEBACK) };
  return { checks: [...checks, { name: "torch imports", ...torch }], distributions };
}

const LINES_OF_TRACEBACK = 5;

/** The packages that come from the index, with the versions that a plan installs. */
export function indexPackages({ stages, product }: Plan): Map<string, string> {
  return new Map(
    stages
      .filter(({ name }) => product.parents.includes(name))
      .flatMap(({ files }) => files.filter(({ path }) => path === "requirements.txt"))
      .flatMap(({ content }) => [...content.toString().matchAll(/^([a-z0-9-]+)==([^\s\\]+)/gm)])
      .map(([, name = "", version = ""]) => [name, version]),
  );
}

/**
 * Brings together what was found and what was planned.
 *
 * @param newest versions by name, or undefined where nobody was asked
 */
export function reportPackages(
  plan: Plan,
  { checks, distributions }: VerifiedPackages,
  newest: ReadonlyMap<string, string> | undefined,
): PackageReport {
  const stageOf = new Map(
    plan.stages
      .filter(({ name }) => plan.product.parents.includes(name))
      .flatMap(({ name, inputs }) =>
        Object.keys(inputs)
          .filter((input) => input.startsWith("package:"))
          .map((input) => [normaliseName(input.slice("package:".length)), name]),
      ),
  );
  return {
    version: 1,
    recipe: plan.recipe,
    checks,
    packages: distributions
      .map(({ name, version }) => ({
        name,
        version,
        stage: stageOf.get(name) ?? null,
        newest: newest?.get(name) ?? null,
      }))
      .sort((a, b) => (a.name < b.name ? -1 : 1)),
    asked: newest !== undefined,
    verdict: checks.some(({ problems }) => problems.length > 0) ? "broken" : "pass",
  };
}

/** Packages of which the index has a newer version, as PEP 440 orders them. */
export function outdated({ packages }: PackageReport): PackageReport["packages"] {
  return packages.filter(({ version, newest }) => newest !== null && isNewer(newest, version));
}

/** A version of another kind than PEP 440's can only be another one. */
function isNewer(newest: string, version: string): boolean {
  return valid(newest) && valid(version) ? gt(newest, version) : newest !== version;
}
