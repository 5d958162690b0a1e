import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { execa } from "execa";
import { repository } from "../../../home.ts";

/** What a step of every update has no use for, unless a stack asks for it; each is a tenth of a second. */
const spared = ["@aws-sdk/", "@smithy/", "execa", "ssh2", "yaml"];

const listing = `
  import { registerHooks } from "node:module";
  const packages = new Set();
  registerHooks({ load(url, context, next) {
    const found = /.*node_modules\\/((@[^/]+\\/)?[^/]+)/.exec(url);
    if (found) packages.add(found[1]);
    return next(url, context);
  } });
  process.on("exit", () => process.stdout.write(JSON.stringify([...packages])));`;

for (const step of ["product-image", "smoke-test", "attestation", "promotion"]) {
  test(`the step ${step} loads no clients of services that a stack may have`, async () => {
    const hooks = `data:text/javascript,${encodeURIComponent(listing)}`;
    const file = join(repository, `tools/steps/${step}.ts`);
    // It ends where its first variable is missing, with all of its modules loaded.
    const run = await execa(process.execPath, ["--import", hooks, file], {
      env: { STRATA_REFERENCE: "" },
      reject: false,
    });
    const packages: string[] = JSON.parse(run.stdout);
    assert.ok(packages.includes("zod"), run.all);
    assert.deepEqual(
      packages.filter((name) => spared.some((each) => name.startsWith(each))),
      [],
    );
  });
}
