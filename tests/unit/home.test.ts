import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { join } from "node:path";
import { test } from "node:test";
import { homeAt, repository } from "../../home.ts";
import { temporaryFolder } from "./support/folder.ts";

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

test("a package writes beside the nearest Pulumi.yaml upwards, else where it is called, and reads from its own folder", (t) => {
  const folder = temporaryFolder(t);
  const inside = join(folder, "project/node_modules/strata/dist");
  mkdirSync(inside, { recursive: true });
  mkdirSync(join(folder, "project/a/b"), { recursive: true });
  writeFileSync(join(folder, "project/node_modules/strata/package.json"), '{"type": "module"}');
  writeFileSync(join(folder, "project/Pulumi.yaml"), "name: mine\n");
  writeFileSync(
    join(inside, "home.js"),
    stripTypeScriptTypes(readFileSync(join(repository, "home.ts"), "utf8")),
  );
  const { STRATA_HOME: _, ...environment } = process.env;
  const foldersFrom = (cwd: string) => {
    const program = `const home = await import(${JSON.stringify(join(inside, "home.js"))}); console.log(JSON.stringify([home.repository, home.projectFolder, home.home.root]))`;
    const words = ["--no-warnings", "--input-type=module", "-e", program];
    return JSON.parse(execFileSync(process.execPath, words, { cwd, env: environment, encoding: "utf8" }));
  };
  const project = join(folder, "project");
  for (const cwd of [project, join(project, "a/b")])
    assert.deepEqual(foldersFrom(cwd), [inside, project, join(project, ".strata")]);
  assert.deepEqual(foldersFrom(folder), [inside, folder, join(folder, ".strata")]);
});
