import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { homeAt } from "../../../../home.ts";
import { lostImages } from "../../../../tools/pulumi/lost-images.ts";
import type { Stack } from "../../../../tools/stack/stack.ts";
import { writeFile } from "../../../support/layers.ts";
import { sampleKey, sampleState } from "../../../support/states.ts";
import { type FakeRegistry, REPOSITORY, startFakeRegistry } from "../../oci/support/fake-registry.ts";
import { temporaryFolder } from "../../support/folder.ts";

const stack: Stack = { name: "ada", project: "strata", folder: "/", pulumi: "false", environment: {} };
const layer = { mediaType: "application/vnd.oci.image.layer.v1.tar", bytes: Buffer.from("x") };

/** A home whose stack has these images, by their digests. */
function homeWith(t: TestContext, host: string, digests: Readonly<Record<string, string>>) {
  const home = homeAt(temporaryFolder(t));
  const reference = (name: string) => `${host}/${REPOSITORY}@${digests[name]}`;
  const state = sampleState({
    stages: {
      torch: { key: sampleKey("a"), registered: { reference: reference("torch") } },
      vae: { key: sampleKey("b"), registered: { reference: reference("vae") }, bulk: true },
      starter: { key: sampleKey("c"), registered: { reference: reference("starter") } },
      half: { key: sampleKey("d"), registered: {} },
    },
    components: {
      "strata:index:LayeredImage starter": { reference: reference("starter") },
      "strata:index:SmokeTest starter-smoke": {},
      "strata:index:Promotion starter-promotion": {},
      "strata:index:ProductCopy starter-copy-1": {},
    },
    commands: { "starter-smoke": {}, "starter-promotion": {} },
  });
  writeFile(home.state, ".pulumi/stacks/strata/ada.json", JSON.stringify(state));
  return home;
}

/** Names of what is to be replaced, and what is told. */
async function lost(t: TestContext, registry: FakeRegistry, gone: readonly string[], host = registry.host) {
  const digests = Object.fromEntries(
    ["torch", "vae", "starter"].map((name) => [
      name,
      registry.image(name, [{ ...layer, bytes: Buffer.from(name) }]).digest,
    ]),
  );
  for (const name of gone) registry.content.delete(`manifests/${digests[name]}`);
  const told: string[] = [];
  t.mock.method(process.stderr, "write", (text: string) => told.push(text) > 0);
  const args = await lostImages(homeWith(t, host, digests), stack, "starter");
  t.mock.restoreAll();
  const urns = args.filter((_, index) => index % 2 === 1);
  assert.deepEqual(
    args,
    urns.flatMap((urn) => ["--replace", urn]),
  );
  return { urns: urns.map((urn) => urn.split("::").slice(2).join("::")), told: told.join("") };
}

test("what the registry has is left alone", async (t) => {
  await using registry = await startFakeRegistry();
  assert.deepEqual(await lost(t, registry, []), { urns: [], told: "" });
});

test("a stage that is gone is made again, and told of", async (t) => {
  await using registry = await startFakeRegistry();
  const { urns, told } = await lost(t, registry, ["torch", "vae"]);
  const image = "strata:index:LayeredImage$strata:index";
  assert.deepEqual(urns, [
    `${image}:ImageStage$docker-build:index:Image::starter-torch`,
    `${image}:BulkStage$command:local:Command::starter-vae`,
  ]);
  assert.match(told, /registry: starter-torch is not there any more; it is made again\n/);
});

test("with the product its evidence and its tags are gone", async (t) => {
  await using registry = await startFakeRegistry();
  const { urns } = await lost(t, registry, ["starter"]);
  assert.deepEqual(urns, [
    "strata:index:LayeredImage$strata:index:ProductImage$command:local:Command::starter",
    "strata:index:SmokeTest$command:local:Command::starter-smoke",
    "strata:index:Promotion$command:local:Command::starter-promotion",
  ]);
});

test("of another recipe's, or a stack that was never updated, nothing is asked", async (t) => {
  await using registry = await startFakeRegistry();
  const home = homeWith(t, registry.host, { torch: "sha256:0" });
  assert.deepEqual(await lostImages(home, stack, "studio"), []);
  assert.deepEqual(await lostImages(homeAt(temporaryFolder(t)), stack, "starter"), []);
  assert.deepEqual(registry.requests, []);
});
