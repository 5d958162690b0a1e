/** Two stacks of the real engine and builder that share one registry, behind TLS and a login. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { Home } from "../../home.ts";
import { keepAuthority } from "../../oci/access/logins.ts";
import { Transport } from "../../oci/access/transport.ts";
import { readImage } from "../../oci/read/image.ts";
import { copyImage } from "../../oci/write/copy.ts";
import { buildInBuilder } from "../../tools/builder/builder.ts";
import { temporaryFolder } from "../unit/support/folder.ts";
import { type GuardedRegistry, guardedRegistry, user } from "./support/guarded-registry.ts";
import { openTestStack, type StackUpdate, type TestStack } from "./support/stack.ts";

let far: GuardedRegistry;
let one: TestStack;
let two: TestStack;
let first: StackUpdate;
let second: StackUpdate;
before(async () => {
  one = await openTestStack("small", async (home) => {
    far = await guardedRegistry(home, "far");
    // As `make up` does before it starts the builder.
    await keepAuthority(home.logins, far.address, far.ca);
    const { address, caFile: ca } = far;
    return {
      STRATA_TEST_REGISTRY: JSON.stringify({ kind: "oci", address, repository: "team/strata", ca, ...user }),
    };
  });
  two = one.sibling("two");
  first = await one.up();
  second = await two.up();
});
after(async () => {
  await one?.close();
  await far?.close();
});

const read = (reference: string) => readImage(reference, new Transport({ logins: one.home.logins }));

test("builder and program push and read with the login, over TLS with an authority of its own", async () => {
  assert.ok(first.reference.startsWith(`${far.address}/team/strata@sha256:`));
  const { layers, bytes } = await read(first.reference);
  assert.ok(layers.length > 3);
  assert.equal(first.stages.product?.bytes, bytes);
});

test("a build outside of Pulumi, as the smoke test is one, pulls the product with the login that was kept", async (t) => {
  const folder = temporaryFolder(t);
  writeFileSync(
    join(folder, "Dockerfile"),
    "FROM product AS tested\nFROM scratch\nCOPY --from=tested /etc/debian_version /\n",
  );
  // Of a repository that the builder has not asked yet.
  const transport = new Transport({ logins: one.home.logins });
  const product = await copyImage(first.reference, `${far.address}/other/strata`, transport);
  const build = async (home: Home) => {
    const output = `type=local,dest=${join(folder, "out")}`;
    return await buildInBuilder(home, "strata", { folder, images: { product }, output });
  };
  const without = await build({ ...one.home, logins: join(folder, "none") });
  assert.match(without.all, /401 Unauthorized|authorization failed|authentication required/);
  const { ok, all } = await build(one.home);
  assert.ok(ok, all);
  assert.match(readFileSync(join(folder, "out", "debian_version"), "utf8"), /^\d+\./);
});

test("the password is in no state in clear, and another one is no change", async () => {
  const { stdout } = await one.pulumi("stack", "export");
  assert.ok(stdout.includes(user.username), "the login is not part of the images");
  assert.ok(!stdout.includes(JSON.stringify(user.password)), "the state holds the password in clear");
  assert.deepEqual((await one.up()).changed, {});
  const other = one.with({
    STRATA_TEST_REGISTRY: JSON.stringify({
      kind: "oci",
      address: far.address,
      repository: "team/strata",
      ca: far.caFile,
      username: user.username,
      password: "of tomorrow",
    }),
  });
  const { stdout: preview } = await other.pulumi("preview", "--json", "--non-interactive");
  const { changeSummary } = JSON.parse(preview);
  assert.deepEqual(Object.keys(changeSummary), ["same"]);
  // A plan that was saved with the password of before: of an update that builds nothing, and of one that pushes.
  const plan = join(one.home.root, "plan.json");
  for (const text of ["1\n", "2\n"]) {
    one.edit("b/value", text);
    const saved = await other.pulumi("preview", "--save-plan", plan, "--non-interactive");
    assert.equal(saved.exitCode, 0, saved.stdout);
    const run = await one.pulumi("up", "--yes", "--skip-preview", "--non-interactive", "--plan", plan);
    assert.equal(run.exitCode, 0, run.stdout);
  }
});

test("stacks share stages by key: the second one has the digests of the first", () => {
  const digests = ({ stages }: StackUpdate) =>
    Object.fromEntries(Object.entries(stages).map(([name, { digest }]) => [name, digest]));
  assert.deepEqual(digests(second), digests(first));
});

test("destroying one of two stacks removes nothing: the other pulls its product, and an update changes nothing", async () => {
  const { exitCode, stdout } = await one.pulumi("destroy", "--yes", "--skip-preview", "--non-interactive");
  assert.equal(exitCode, 0, stdout);
  // Its login is kept anew: the preview above left another.
  assert.deepEqual((await two.up()).changed, {});
  assert.ok((await read(second.reference)).layers.length > 3);
  for (const { digest } of Object.values(second.stages))
    assert.ok((await read(`${far.address}/team/strata@${digest}`)).bytes > 0);
});
