import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { execa } from "execa";
import { repository } from "../../home.ts";
import { writeFile } from "../support/layers.ts";
import { temporaryFolder } from "./support/folder.ts";

/** What a file of each folder must not import, as one would write it there and a folder deeper. */
const bans: readonly (readonly [file: string, banned: readonly string[]])[] = [
  [
    "lib/probe.ts",
    [
      "../tools/y.ts",
      "../tools/hosts/x.ts",
      "../components/hosts/host.ts",
      "../config.ts",
      "../recipes/index.ts",
    ],
  ],
  [
    "lib/plan/probe.ts",
    [
      "@pulumi/pulumi",
      "@pulumi/aws/ec2/index.js",
      "../../tools/program/main.ts",
      "../../tools/hosts/aws/clients.ts",
      "../../components/step.ts",
      "../../layers/torch/layer.ts",
      "../../oci/read/image.ts",
      "../../config.ts",
      "../../tests/support/mocks.ts",
    ],
  ],
  [
    "layers/torch/probe.ts",
    [
      "@pulumi/pulumi/automation/index.js",
      "../../tools/lock/git.ts",
      "../../components/registry/registry.ts",
      "../../recipes/studio.ts",
      "../../oci/read/client.ts",
      "../../config.ts",
    ],
  ],
  [
    "recipes/probe.ts",
    [
      "@pulumi/command",
      "../components/hosts/host.ts",
      "../tools/commands/up.ts",
      "../oci/write/tag.ts",
      "../config.ts",
    ],
  ],
  [
    "oci/probe.ts",
    [
      "@pulumi/pulumi",
      "../tools/program/exec.ts",
      "../components/step.ts",
      "../recipes/index.ts",
      "../layers/cuda/layer.ts",
      "../config.ts",
      "../tests/support/certificate.ts",
    ],
  ],
  [
    "components/hosts/probe.ts",
    [
      "../../config.ts",
      "../../tools/hosts/aws/clients.ts",
      "../../recipes/index.ts",
      "../../layers/torch/layer.ts",
    ],
  ],
  [
    "tools/probe.ts",
    ["@pulumi/pulumi/provider/index.js", "../components/step.ts", "../tests/support/port.ts"],
  ],
  ["tools/hosts/aws/probe.ts", ["@pulumi/aws", "../../../components/hosts/host.ts"]],
  [
    "tools/command-provider/probe.ts",
    ["../../lib/redact.ts", "../../components/step.ts", "../../oci/read/image.ts"],
  ],
];

/** What those files do import today, or may. */
const allowed: readonly (readonly [file: string, imported: readonly string[]])[] = [
  ["lib/plan/probe.ts", ["../recipe/layer.ts", "../../errors.ts", "zod"]],
  ["layers/torch/probe.ts", ["../../lib/recipe/layer.ts"]],
  ["recipes/probe.ts", ["../layers/torch/layer.ts", "../lib/recipe/recipe.ts"]],
  ["oci/probe.ts", ["../lib/redact.ts", "../errors.ts", "../home.ts"]],
  [
    "components/hosts/probe.ts",
    ["@pulumi/aws", "../../lib/hosts/fleet.ts", "../../oci/read/image.ts", "../step.ts"],
  ],
  ["tools/commands/probe.ts", ["../../config.ts", "../../recipes/index.ts", "../../oci/read/image.ts"]],
  ["tools/command-provider/probe.ts", ["@pulumi/pulumi/provider/index.js"]],
];

/** Lints files of a folder of their own by the repository's rules; gives `file:line` of each refused import. */
async function refusals(
  t: TestContext,
  probes: readonly (readonly [file: string, imported: readonly string[]])[],
): Promise<string[]> {
  const folder = temporaryFolder(t);
  const settings = JSON.parse(readFileSync(join(repository, "biome.json"), "utf8"));
  writeFile(folder, "biome.json", JSON.stringify({ ...settings, vcs: { enabled: false } }));
  for (const [file, imported] of probes) {
    writeFile(folder, file, imported.map((path) => `export * from ${JSON.stringify(path)};\n`).join(""));
  }
  const { all } = await execa(
    join(repository, "node_modules/.bin/biome"),
    ["lint", "--only=style/noRestrictedImports", "--reporter=github", "--max-diagnostics=none", "."],
    { cwd: folder, reject: false, all: true },
  );
  const found = all.matchAll(/noRestrictedImports,file=(?:\.\/)?(\S+?),line=(\d+)/g);
  return [...new Set([...found].map(([, file = "", line]) => `${file.replace(`${folder}/`, "")}:${line}`))];
}

test("lint catches every import of what lies above, at every depth", async (t) => {
  const found = await refusals(t, bans);
  for (const [file, banned] of bans) {
    for (const [index, path] of banned.entries()) {
      assert.ok(found.includes(`${file}:${index + 1}`), `${file} may import ${path}`);
    }
  }
});

test("lint lets pass what may be imported", async (t) => {
  assert.deepEqual(await refusals(t, allowed), []);
});
