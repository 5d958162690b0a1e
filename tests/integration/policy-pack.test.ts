/**
 * The rules as Pulumi's real engine holds them: `pulumi up --policy-pack` with the pack in policy/, and the program's own refusal.
 * The language host that is built from a Go module is one of 2023 and starts no packs, so the engine's other way is taken: a
 * runtime of its own, whose plugin is the script that Pulumi's SDK brings for it (sdk/nodejs/dist/pulumi-analyzer-policy).
 */
import assert from "node:assert/strict";
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { execa } from "execa";
import { homeAt, repository } from "../../home.ts";
import { findPulumi } from "../../tools/preview/engine.ts";
import { pulumiEnvironment } from "../../tools/program/environment.ts";
import { temporaryFolder } from "../unit/support/folder.ts";

const analyzer = `#!/bin/sh
exec node "$(node -p "require.resolve('@pulumi/pulumi/cmd/run-policy-pack')")" "$@"
`;

/** A project with this program, and the pack; `up` runs it. */
async function project(t: TestContext, program: string, trust = false) {
  const folder = temporaryFolder(t);
  const write = (path: string, text: string) => {
    mkdirSync(join(folder, path, ".."), { recursive: true });
    writeFileSync(join(folder, path), text);
    return join(folder, path);
  };
  write(
    "project/Pulumi.yaml",
    "name: strata\nruntime: {name: nodejs, options: {typescript: false}}\nmain: main.ts\n",
  );
  write("project/Pulumi.dev.yaml", trust ? "config: {strata:trust: {keys: [KEY]}}\n" : "config: {}\n");
  write("project/package.json", '{"type":"module"}');
  write(
    "project/main.ts",
    `import * as command from "@pulumi/command";\nimport { enforcePolicies } from "${repository}/components/enforced-policies.ts";\n${program}\n`,
  );
  write("pack/PulumiPolicy.yaml", "runtime: strata-test\n");
  write("pack/package.json", '{"name":"pack","version":"1.0.0","type":"module","main":"main.js"}');
  write("pack/main.js", `import "${join(repository, "policy/pack.ts")}";\n`);
  for (const place of ["project", "pack"]) {
    symlinkSync(join(repository, "node_modules"), join(folder, place, "node_modules"));
  }
  chmodSync(write("bin/pulumi-analyzer-policy-strata-test", analyzer), 0o755);
  const home = homeAt(join(folder, "home"));
  const pulumi = await findPulumi(home);
  const options = {
    cwd: join(folder, "project"),
    stdin: "ignore",
    reject: false,
    all: true,
    env: {
      ...pulumiEnvironment(home),
      STRATA_HOME: home.root,
      PATH: `${join(folder, "bin")}:${process.env.PATH}`,
    },
  } as const;
  await execa(pulumi, ["stack", "init", "dev", "--no-select", "--non-interactive"], options);
  return async (withPack: boolean) => {
    const pack = withPack ? ["--policy-pack", join(folder, "pack")] : [];
    const run = await execa(
      pulumi,
      ["up", "--yes", "--skip-preview", "--non-interactive", "--stack", "dev", ...pack],
      options,
    );
    return { code: run.exitCode, all: run.all };
  };
}

const leaking = `new command.local.Command("leaking", { create: "true # https://me:word@example.org" });`;
const unsigned = `new command.local.Command("moving", { create: "true # /steps/promotion.ts" });`;

test("pulumi up with the pack refuses what breaks a rule, and makes what breaks none", async (t) => {
  const refused = [
    { program: leaking, trust: false, words: [/secret-argument/, /password in an address/] },
    { program: unsigned, trust: true, words: [/unsigned-promotion/, /it moves tags without verifying/] },
  ];
  for (const { program, trust, words } of refused) {
    const { code, all } = await (await project(t, program, trust))(true);
    assert.notEqual(code, 0, all);
    for (const word of words) assert.match(all, word);
  }
  const sound = await project(t, `new command.local.Command("sound", { create: "true" });\n${unsigned}`);
  const made = await sound(true);
  assert.equal(made.code, 0, made.all);
  assert.match(made.all, /strata@v1\.0\.0/);
});

test("the program refuses the same without a pack, before it is made, also what is known later", async (t) => {
  const program = `import * as pulumi from "@pulumi/pulumi";
enforcePolicies({});
const url = pulumi.output(new Promise((resolve) => setTimeout(() => resolve("https://me:word@example.org"), 500)));
new command.local.Command("leaking", { create: pulumi.interpolate\`true # \${url}\` });`;
  for (const each of [`enforcePolicies({});\n${leaking}`, program]) {
    const up = await project(t, each);
    const { code, all } = await up(false);
    assert.notEqual(code, 0, all);
    assert.match(
      all,
      /leaking: its command \(create\) holds password in an address \(policy secret-argument\)/,
    );
    assert.doesNotMatch(all, /command:local:Command +leaking +create/);
  }
});
