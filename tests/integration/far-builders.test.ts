/** Builders elsewhere: two real buildkitd behind mutual TLS, one for what is heavy; and what becomes of a run when one goes. */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { after, before, type TestContext, test } from "node:test";
import {
  type BuilderChoice,
  builderOf,
  builderSetting,
  buildersSetting,
  stackBuilders,
} from "../../lib/builders/builder-setting.ts";
import { registrySetting } from "../../lib/registry/registry-setting.ts";
import { findBuilder } from "../../tools/builder/find-builder.ts";
import { retryLost } from "../../tools/pulumi/losses.ts";
import { runPulumi } from "../../tools/pulumi/update.ts";
import { buildHistories } from "../../tools/services/build-histories.ts";
import { requireReach } from "../../tools/setup/builder-reach.ts";
import { setUp } from "../../tools/setup/setup.ts";
import { problemOf } from "../../tools/ways/ask-builder.ts";
import { tlsUpstream } from "../../tools/ways/dial.ts";
import { openWays } from "../../tools/ways/open-ways.ts";
import type { Ways } from "../../tools/ways/ways.ts";
import { makeAuthority } from "../support/certificates.ts";
import { running, until } from "../support/running.ts";
import { type FarBuilder, startFarBuilder } from "./support/far-builder.ts";
import { smallLayers } from "./support/small-layers.ts";
import { openTestStack, type StackUpdate, type TestStack } from "./support/stack.ts";

const authority = makeAuthority();
const client = authority.pair("client");
let stack: TestStack;
let first: StackUpdate;
let one: FarBuilder;
let two: FarBuilder;
before(async () => {
  stack = await openTestStack();
  const buildkitd = join(stack.home.bin, "buildkitd");
  [first, one, two] = await Promise.all([
    stack.up(),
    startFarBuilder(authority, "one", buildkitd),
    startFarBuilder(authority, "two", buildkitd),
  ]);
});
after(async () => {
  await Promise.all([stack?.close(), one?.stop(), two?.stop()]);
});

/** A setting, with what of it is wrong. */
const remote = ({ address }: FarBuilder, serverName: string, wrong: object = {}) => ({
  kind: "remote",
  address,
  tls: { ca: authority.ca, ...client, serverName, ...wrong },
  patience: 3,
});

function parsed(choice: object): BuilderChoice {
  const { builder = "strata", builders = {} } = choice as Partial<BuilderChoice>;
  return { builder: builderSetting.parse(builder), builders: buildersSetting.parse(builders) };
}

/** The stack with its builders elsewhere, as a command of strata would have it. */
async function elsewhere(t: TestContext, choice: object): Promise<{ test: TestStack; ways: Ways }> {
  const ways = await openWays(stack.home, stackBuilders(parsed(choice)), 3);
  t.after(() => ways.close());
  // The program needs no key: it asks for names alone.
  const places = JSON.stringify(choice).replaceAll(/-----BEGIN[^"]*/g, "hidden");
  return { ways, test: stack.with({ ...ways.environment, STRATA_TEST_BUILDERS: places }) };
}

const digests = ({ stages }: StackUpdate) =>
  Object.fromEntries(Object.entries(stages).map(([name, { digest }]) => [name, digest]));

/** The stages that a builder has built, by its own history. */
async function builtOn(name: string, { environment }: Ways): Promise<string[]> {
  const { buildctl } = await findBuilder(stack.home, name, environment);
  assert.ok(buildctl, "buildctl finds no way");
  const records = await buildHistories(buildctl);
  const built = records.flatMap(({ names }) =>
    names.flatMap((each) => /:stage-([a-z]+)-/.exec(each)?.[1] ?? []),
  );
  return [...new Set(built)].sort();
}

test("moved from the builder here to one elsewhere: nothing is built, sent or changed", async (t) => {
  const { test: moved, ways } = await elsewhere(t, { builder: remote(one, "one") });
  const update = await moved.up();
  assert.deepEqual(update.changed, {});
  assert.deepEqual(digests(update), digests(first));
  assert.deepEqual(await builtOn("strata", ways), []);
});

test("no certificate is written anywhere, and nothing of a way is left after it", async () => {
  const ways = await openWays(
    stack.home,
    stackBuilders({ builder: builderSetting.parse(remote(one, "one")), builders: {} }),
  );
  const { STRATA_WAYS: folder = "" } = ways.environment;
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" });
  assert.ok(files.includes(join("buildx", "instances", "strata")));
  const written = files.map((file) => join(folder, file)).filter((path) => statSync(path).isFile());
  assert.ok(written.every((path) => !/PRIVATE KEY|CERTIFICATE/.test(readFileSync(path, "utf8"))));
  ways.close();
  assert.ok(!existsSync(folder));
});

test("in one update the heavy stage is built on one builder, the rest on the other", async (t) => {
  const places = { builder: remote(one, "one"), builders: { heavy: remote(two, "two") } };
  const { test: split, ways } = await elsewhere(t, places);
  // Another name is an update: an empty builder answers from the registry's cache, and runs nothing.
  const named = await split.up();
  assert.deepEqual(named.changed, { "small-c": "update" });
  assert.deepEqual(digests(named), digests(first));
  assert.ok(!two.log().includes("perl"), "a step ran again");
  stack.edit("b/value", "2\n");
  stack.edit("c/value", "2\n");
  const update = await split.up();
  assert.deepEqual(update.changed, { "small-b": "update", "small-c": "update", small: "update" });
  assert.deepEqual(await builtOn("strata", ways), ["b"]);
  assert.deepEqual(await builtOn("strata-heavy", ways), ["c"]);
});

test("no certificate at all: said as well", async () => {
  const found = await problemOf(tlsUpstream(one.address, { ca: authority.ca, serverName: "one" }));
  assert.equal(found?.message, "wants a certificate of its client, and was shown none");
});

test("a registry and a mirror that the builder does not get at are named before the first stage; an answer is enough", async (t) => {
  const choice = { builder: builderSetting.parse(remote(one, "one")), builders: {} };
  const ways = await openWays(stack.home, stackBuilders(choice));
  t.after(() => ways.close());
  const ask = (address: string, mirror: string) => {
    const registry = registrySetting.parse({ kind: "oci", address, repository: "nothing/here" });
    const mirrors = { "https://github.com/": mirror };
    return requireReach(stack.home, { ...choice, registry, mirrors }, ways.environment);
  };
  const mirror = `http://${stack.registry}/v2/nothing/`;
  await ask(stack.registry, mirror);
  await assert.rejects(
    ask("127.0.0.1:1", mirror),
    /^UserError: strata:registry: 127\.0\.0\.1:1\/nothing\/here cannot be reached from the builder of strata:builder: dial tcp 127\.0\.0\.1:1: connect: connection refused\./,
  );
  await assert.rejects(
    ask(stack.registry, "http://127.0.0.1:1/mirror/"),
    /^UserError: strata:mirrors: http:\/\/127\.0\.0\.1:1\/mirror\/ cannot be reached/,
  );
});

const other = makeAuthority("another");
const wrongs: Readonly<Record<string, readonly [object, RegExp]>> = {
  "a certificate of another authority": [other.pair("client"), /refuses the certificate of tls\.cert/],
  "another authority": [{ ca: other.ca }, /has a certificate that is not of the authority in tls\.ca/],
  "a name that does not match": [{ serverName: "three" }, /has a certificate for another name .*DNS:one/],
  "a key that does not belong to it": [{ key: other.pair("x").key }, /cannot be used .*key values mismatch/],
};
for (const [what, [wrong, problem]] of Object.entries(wrongs)) {
  test(`${what}: said before the first stage, with the cause`, async (t) => {
    const started = Date.now();
    await assert.rejects(
      elsewhere(t, { builder: remote(one, "one", wrong) }),
      (error: Error) =>
        error.message.startsWith(`strata:builder: ${one.address} `) && problem.test(error.message),
    );
    assert.ok(Date.now() - started < 5_000);
  });
}

test("a frozen builder ends the update, which names it and its stage; the next run goes on", async (t) => {
  const ended = await lostWhile(t, () => two.signal("SIGSTOP"));
  two.signal("SIGCONT");
  assert.match(
    ended.said,
    /builder tcp:\S+ was lost while it built small-c: it (takes connections, and|does not answer)/,
  );
  assert.ok(ended.said.includes(two.address));
  assert.ok(ended.seconds < 20, `${ended.seconds} s`);
  await goesOn(t, "3\n");
});

test("one that is killed is told of at once, and another that shares its work builds the stage", async (t) => {
  const heavy = { ...remote(two, "farm"), address: [two.address, one.address] };
  // The rest is built here: a builder that was the only one of other stages would have no stand-in.
  const choice = { builders: { heavy } };
  const name = builderOf(stackBuilders(parsed(choice)), { name: "c", weight: {} });
  const killed = name === "strata-heavy" ? two : one;
  const ended = await lostWhile(t, () => killed.signal("SIGKILL"), choice, { seconds: 5, code: 0 });
  assert.match(ended.said, /builder tcp:\S+ was lost while it built small-c: it ended its connections/);
  assert.match(ended.said, /\nbuilders: going on with those that answer\n/);
  await assert.rejects(
    elsewhere(t, { builders: { heavy: remote(killed, "farm") } }),
    /strata:builders\.heavy: tcp:\S+ refuses connections: nobody listens there/,
  );
  await killed.start();
});

test("the builder on this machine that hangs is ended, with the same words, and the next run starts it anew", async (t) => {
  const pid = () => Number(JSON.parse(readFileSync(join(stack.home.run, "buildkitd.pid"), "utf8")).pid);
  const frozen = pid();
  const ended = await lostWhile(t, () => process.kill(frozen, "SIGSTOP"), {});
  assert.match(
    ended.said,
    /builder on this machine was lost while it built small-c: it takes connections, and has not answered/,
  );
  assert.ok(ended.seconds < 20, `${ended.seconds} s`);
  await setUp(stack.home, "debian-bookworm", 0);
  assert.notEqual(pid(), frozen);
  stack.edit("c/value", "5\n");
  assert.equal((await stack.up()).changed["small-c"], "update");
});

/** An update of a heavy stage that takes so long, and what it says when its builder is lost in the middle. */
async function lostWhile(
  t: TestContext,
  lose: () => void,
  choice: object = { builder: remote(one, "one"), builders: { heavy: remote(two, "two") } },
  { seconds = 60, code = 1 } = {},
): Promise<{ said: string; seconds: number }> {
  const { test: split, ways } = await elsewhere(t, choice);
  const waiting = `begun-${Date.now()}`;
  const usual = smallLayers["c/Dockerfile"] ?? "";
  const slow = usual.replace("AS build\n", `AS build\nRUN echo ${waiting} && sleep ${seconds}\n`);
  stack.edit("c/Dockerfile", slow);
  const said: string[] = [];
  const silenced = t.mock.method(process.stderr, "write", (text: string) => said.push(text) > 0);
  try {
    const update = () => runPulumi(stack.home, { ...split.stack, ways }, ["up", "--yes", "--skip-preview"]);
    const run = retryLost(code === 0 ? ways : undefined, update);
    let isOver = false;
    void run.finally(() => {
      isOver = true;
    });
    await until(() => isOver || running(waiting) > 0);
    assert.ok(!isOver, `it ended before: ${said.join("")}`);
    const started = Date.now();
    lose();
    assert.equal(Math.min(1, await run), code, said.join(""));
    return { said: said.join(""), seconds: (Date.now() - started) / 1_000 };
  } finally {
    silenced.mock.restore();
    ways.close();
    stack.edit("c/Dockerfile", usual);
  }
}

async function goesOn(t: TestContext, value: string): Promise<void> {
  const { test: split } = await elsewhere(t, {
    builder: remote(one, "one"),
    builders: { heavy: remote(two, "two") },
  });
  split.edit("c/value", value);
  const { changed } = await split.up();
  assert.equal(changed["small-c"], "update", JSON.stringify(changed));
}
