import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { homeAt, repository } from "../../home.ts";

/** What a program that runs in `cwd` takes for its home and for the folder of logins. */
function homeOf(cwd: string, environment: NodeJS.ProcessEnv): string[] {
  const program = `import { home } from ${JSON.stringify(join(repository, "home.ts"))}; console.log(home.root, home.logins)`;
  return execFileSync(process.execPath, ["--input-type=module", "-e", program], {
    cwd,
    env: environment,
    encoding: "utf8",
  })
    .trim()
    .split(" ");
}

test("the repository is the folder of the program", () => {
  assert.ok(existsSync(join(repository, "Pulumi.yaml")));
});

test("without STRATA_HOME it is the clone's own, wherever a program runs", () => {
  const root = join(repository, ".strata");
  const { STRATA_HOME: _, ...environment } = process.env;
  for (const cwd of ["/", repository])
    assert.deepEqual(homeOf(cwd, environment), [root, join(root, "logins")]);
});

test("STRATA_HOME counts, from the working directory where it is relative", () => {
  const environment = { ...process.env, STRATA_HOME: "somewhere" };
  assert.deepEqual(homeOf("/tmp", environment), ["/tmp/somewhere", "/tmp/somewhere/logins"]);
});

test("everything that is written lies below one folder", () => {
  for (const path of Object.values(homeAt("/elsewhere"))) assert.match(path, /^\/elsewhere(\/|$)/);
});
