import assert from "node:assert/strict";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { parseConfig } from "../../../config.ts";
import { UserError, UserErrors } from "../../../errors.ts";
import { repository } from "../../../home.ts";
import { imageLockPath, parseImageLock } from "../../../lib/locks/image-lock.ts";
import { formatMissingWheels } from "../../../lib/locks/missing-wheels.ts";
import { lockHeader, lockInputs, lockPath } from "../../../lib/plan/lock-inputs.ts";
import { recipes } from "../../../recipes/index.ts";
import { planStack } from "../../../recipes/stack-plan.ts";
import { sampleLabels } from "../../support/layers.ts";

const config = parseConfig({ "strata:python": "3.14t" });
const path = lockPath(config);
const bases = parseImageLock(readFileSync(join(repository, imageLockPath), "utf8"));

/** The repository, with one Python lock of these words in place of its own. */
function withLock(test: TestContext, text?: string): string {
  const root = mkdtempSync(join(tmpdir(), "strata-test-"));
  test.after(() => rmSync(root, { recursive: true }));
  for (const folder of ["layers", "smoke"]) symlinkSync(join(repository, folder), join(root, folder));
  mkdirSync(join(root, "locks", "python"), { recursive: true });
  for (const file of ["images.json", "nodes.json", "sources.json"]) {
    cpSync(join(repository, "locks", file), join(root, "locks", file));
  }
  if (text !== undefined) writeFileSync(join(root, path), text);
  return root;
}

function problemsOf(root: string): string[] {
  try {
    planStack(config, { root, localImages: "none.json" }, sampleLabels);
    return [];
  } catch (error) {
    assert.ok(error instanceof UserError, String(error));
    return (error instanceof UserErrors ? error.errors : [error]).map(({ message }) => message);
  }
}

test("a lock that lacks packages: each is told, beside what else does not fit", (t) => {
  const nodes = { repositories: {}, packages: {} };
  const body = formatMissingWheels([
    { name: "numba", reason: "numba has no wheel for cp314t" },
    { name: "torch", reason: "torch==2.12.0 has no wheel for cp314t (layer torch asks for torch==2.12.0)" },
  ]);
  const header = lockHeader(config, recipes.starter, lockInputs(recipes.starter, config, nodes), body);
  const problems = problemsOf(withLock(t, `${header}${body}`));
  assert.equal(problems.length, 2);
  assert.match(
    problems[0] ?? "",
    /starter-py3\.14t-cu13\.0\.txt: numba has no wheel for cp314t\. Choose another/,
  );
  assert.match(problems[1] ?? "", /torch==2\.12\.0 has no wheel for cp314t \(layer torch/);
});

test("a young Python: the real locks say what is missing, and a recipe that lacks nothing is planned", () => {
  const plan = (settings: Readonly<Record<string, string>>) => {
    const stack = Object.fromEntries(
      Object.entries(settings).map(([key, value]) => [`strata:${key}`, value]),
    );
    return planStack(parseConfig(stack), { root: repository, localImages: "none.json" }, sampleLabels).plan;
  };
  const messages = (settings: Readonly<Record<string, string>>) => {
    try {
      plan(settings);
    } catch (error) {
      assert.ok(error instanceof UserErrors);
      return error.errors.map(({ message }) => message);
    }
    return [];
  };
  for (const python of ["3.13", "3.14", "3.14t"]) {
    const missing = messages({ recipe: "megapak", python });
    assert.ok(missing.some((message) => message.includes(": numpy")));
    for (const message of missing)
      assert.ok(message.startsWith(`locks/python/megapak-py${python}-`), message);
  }
  for (const base of ["debian-bookworm", "debian-trixie", "debian-forky", "ubuntu-24.04"]) {
    for (const python of ["3.11", "3.12", "3.13", "3.14", "3.14t"]) {
      const { recipe, stages } = plan({ base, python });
      assert.equal(recipe, "starter");
      const brought = bases[base]?.python === python;
      assert.equal(
        stages.some(({ name }) => name === "cpython"),
        !brought,
        `${base} ${python}`,
      );
    }
  }
});

test("a lock that nobody made is told of, with the command that makes it", (t) => {
  const [problem = "", ...others] = problemsOf(withLock(t));
  assert.deepEqual(others, []);
  assert.ok(problem.startsWith(`${path}: does not exist. Ask for it, `), problem);
  assert.ok(problem.includes("`npm run lock -- python --with-python 3.14t`"), problem);
});
