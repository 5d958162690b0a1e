/** A builder that is rented for a heavy stage: a real buildkitd behind the user data of an instance, and a stand-in for AWS. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, type TestContext, test } from "node:test";
import { buildersSetting, stackBuilders } from "../../lib/builders/builder-setting.ts";
import { openOffice } from "../../tools/pulumi/heavy-stages.ts";
import { retryLost } from "../../tools/pulumi/losses.ts";
import { runPulumi } from "../../tools/pulumi/update.ts";
import { openWays } from "../../tools/ways/open-ways.ts";
import { running, until } from "../support/running.ts";
import { description, type FakeRegion, fakeRegion } from "../unit/tools/rented/fake-region.ts";
import { makeRentedMachine, type RentedMachine } from "./support/rented-machine.ts";
import { smallLayers } from "./support/small-layers.ts";
import { openTestStack, type TestStack } from "./support/stack.ts";

const folder = mkdtempSync(join(tmpdir(), "strata-rented-"));
let stack: TestStack;
let machine: RentedMachine;
before(async () => {
  stack = await openTestStack();
  await stack.up();
  machine = await makeRentedMachine(folder, join(stack.home.bin, "buildkitd"));
});
after(async () => {
  await Promise.all([stack?.close(), machine?.close()]);
  rmSync(folder, { recursive: true, force: true });
});

const builders = stackBuilders({
  builder: "strata",
  builders: buildersSetting.parse({ heavy: { kind: "aws", region: "us-east-1" } }),
});

/** An update of edited files with a heavy stage that the registry does not have, as a command of strata runs it. */
async function update(
  t: TestContext,
  edits: Readonly<Record<string, string>>,
  meanwhile: (region: FakeRegion) => Promise<void>,
) {
  const region = fakeRegion(folder, undefined, machine);
  const ways = await openWays(stack.home, builders);
  const split = stack.with({ ...ways.environment, STRATA_TEST_RENTED: JSON.stringify(description) });
  // Another environment begins with the usual files.
  for (const [path, text] of Object.entries(edits)) split.edit(path, text);
  const terms = { heavy: ["small-c"], missing: ["small-c"], minutes: 60, dollars: 50, patience: 3 };
  const opened = await openOffice(stack.home, { ...split.stack, ways }, ways, terms, region.means);
  const said: string[] = [];
  const silenced = t.mock.method(process.stderr, "write", (text: string) => said.push(text) > 0);
  try {
    const run = retryLost(ways, () => runPulumi(stack.home, opened, ["up", "--yes", "--skip-preview"]));
    await Promise.race([run, meanwhile(region)]);
    return { code: await run, said: said.join(""), region };
  } finally {
    silenced.mock.restore();
    opened.office?.close();
    ways.close();
  }
}

test("started beside the light stages, builds the heavy one, and ends before the update does", async (t) => {
  const edits = { "b/value": "2\n", "c/value": "2\n" };
  const { code, said, region } = await update(t, edits, async () => {});
  assert.equal(code, 0, said);
  assert.match(
    said,
    /builder for heavy stages: i-01 \(r6a\.24xlarge spot in us-east-1b\), \$5\.44 an hour at most/,
  );
  // The heavy stage is not begun before its builder is there; a light one is.
  for (const words of ["small-b: update", "there after", "small-c: done"])
    assert.ok(said.includes(words), said);
  assert.ok(said.indexOf("small-b: update") < said.indexOf("there after"), said);
  assert.ok(said.indexOf("there after") < said.indexOf("small-c: update"), said);
  assert.ok(said.indexOf("i-01 ended after") > said.indexOf("small-c: done"), said);
  // Whoever builds leaves the number of the build in the log.
  assert.match(machine.log(), /spanID=/);
  assert.deepEqual(region.left(), []);
  await until(() => !machine.isUp());
});

test("a spot instance that is taken back ends its build in seconds, and one on demand does it", async (t) => {
  const usual = smallLayers["c/Dockerfile"] ?? "";
  const begun = `begun-${Date.now()}`;
  const slow = usual.replace("AS build\n", `AS build\nRUN echo ${begun} && sleep 12\n`);
  let noticed = 0;
  const { code, said, region } = await update(t, { "c/Dockerfile": slow }, async () => {
    await until(() => running(begun) > 0);
    machine.giveNotice();
    noticed = Date.now();
    await until(() => !machine.isUp());
    assert.ok(Date.now() - noticed < 20_000);
  });
  assert.equal(code, 0, said);
  assert.match(said, /builder i-01 .* was lost while it built small-c/);
  assert.match(said, /i-01 .*: EC2 takes the instance back/);
  assert.match(said, /i-02 \(r6a\.24xlarge on-demand/);
  assert.deepEqual(region.left(), []);
});
