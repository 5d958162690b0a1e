/**
 * Which plugins Pulumi's engine asks for, seen by the server that it downloads from: AWS's is 600 MB, lies in node_modules by
 * its name for every stack, and is used by few. The real program, CLI and language host; nothing is built.
 */
import assert from "node:assert/strict";
import { realpathSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { execa } from "execa";
import { homeAt, repository } from "../../home.ts";
import { findPulumi } from "../../tools/preview/engine.ts";
import { pulumiEnvironment } from "../../tools/program/environment.ts";
import { pluginPath, writeScriptPlugin } from "../../tools/toolchain/plugins.ts";
import { temporaryFolder } from "../unit/support/folder.ts";

/** Previews the stack `settings` in a home of its own; returns what was asked of the server of plugins, which has none. */
async function preview(t: TestContext, settings: string, more: Readonly<Record<string, string>> = {}) {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? "");
    response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const folder = temporaryFolder(t);
  const home = homeAt(join(folder, "home"));
  const pulumi = await findPulumi(home);
  const host = realpathSync(pluginPath(home.pulumi, "pulumi-language-nodejs"));
  await writeScriptPlugin("pulumi-language-nodejs", "tests/integration/support/language-host.ts", home);
  const config = join(folder, "Pulumi.dev.yaml");
  writeFileSync(config, settings);
  const options = {
    cwd: repository,
    stdin: "ignore",
    reject: false,
    all: true,
    env: {
      ...pulumiEnvironment(home),
      STRATA_HOME: home.root,
      STRATA_TEST_LANGUAGE_HOST: host,
      PULUMI_PLUGIN_DOWNLOAD_URL_OVERRIDES: `.*=http://127.0.0.1:${port}`,
      ...more,
    },
  } as const;
  const stack = ["--stack", "dev", "--non-interactive", "--config-file", config];
  await execa(pulumi, ["stack", "init", "dev", "--no-select", "--non-interactive"], options);
  const run = await execa(pulumi, ["preview", ...stack], options);
  return { asked: asked.filter((path) => path.includes("aws")), run };
}

const aws = /^\/pulumi-resource-aws-v7\.48\.0-linux-amd64\.tar\.gz/;

test("the preview of a stack on the local registry asks for no plugin of AWS", async (t) => {
  const { asked, run } = await preview(t, "config: {}\n");
  assert.equal(run.exitCode, 0, run.all);
  assert.deepEqual(asked, []);
});

test("a stack on ECR asks for it, in its version", async (t) => {
  const registry = `{ kind: ecr, account: "123456789012", region: eu-central-1, repository: strata }`;
  const { asked, run } = await preview(t, `config:\n  strata:registry: ${registry}\n`);
  assert.notEqual(run.exitCode, 0, "the server has no plugin");
  assert.match(asked[0] ?? "none was asked for", aws);
});

test("without the switch the engine fetches what lies in node_modules: the test would see it", async (t) => {
  const { asked } = await preview(t, "config: {}\n", { PULUMI_OPTION_SKIP_PLUGIN_PRE_INSTALL: "false" });
  assert.match(asked[0] ?? "none was asked for", aws);
});
