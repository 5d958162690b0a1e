/** States in the form of today and of before; `states/` holds two that Pulumi 3.259 wrote, cut to a few stages. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { previousFromRecord } from "../../../../lib/preview/previous-stack.ts";
import { type RecordedStack, recordedStack } from "../../../../lib/state/recorded-stack.ts";
import {
  type SampleState,
  sampleDigest,
  sampleKey,
  sampleRepository,
  sampleResources,
  sampleState,
} from "../../../support/states.ts";

const read = (name: string) =>
  JSON.parse(readFileSync(join(import.meta.dirname, "states", `${name}.json`), "utf8"));

const stage = (stages: RecordedStack["stages"], name: string) =>
  stages?.[name] as { key: string; bytes: number | undefined; inputs: object };

const digest = sampleDigest("f");
const reference = `${sampleRepository}@${digest}`;
const evidence = { verdict: "pass", digest, checks: [] };
const whole = {
  stages: {
    torch: { key: sampleKey("a"), inputs: { "package:torch": "2.12" } },
    vae: { key: sampleKey("b"), bulk: true },
    starter: { key: sampleKey("f"), bytes: 1000 },
  },
  components: {
    "strata:index:LayeredImage starter": { digest, reference, compressedSize: 1000 },
    "strata:index:SmokeTest starter-smoke": { evidence: JSON.stringify(evidence) },
    "strata:index:Promotion starter-promotion": { tags: [`${sampleRepository}:starter-ada`] },
    "strata:index:ProductCopy starter-copy-2": { tags: ["other/s:b"] },
    "strata:index:ProductCopy starter-copy-10": { tags: ["other/s:c"] },
    "strata:index:ProductCopy starter-copy-1": { tags: ["other/s:a"] },
  },
  commands: {
    "starter-smoke": { stdout: "x" },
    "starter-promotion": { environment: { STRATA_REFERENCE: reference } },
  },
  outputs: { recipe: "starter", image: reference },
} satisfies SampleState;

test("a stack is read out of its resources: stages, product, tags, copies, evidence", () => {
  const recorded = recordedStack(sampleState(whole));
  assert.deepEqual(recorded, {
    recipe: "starter",
    product: {
      reference,
      digest,
      bytes: 1000,
      tags: [`${sampleRepository}:starter-ada`],
      copies: [["other/s:a"], ["other/s:b"], ["other/s:c"]],
      models: null,
    },
    stages: {
      torch: {
        role: undefined,
        key: sampleKey("a"),
        digest: sampleDigest("a"),
        bytes: 100,
        inputs: { "package:torch": "2.12" },
      },
      vae: {
        role: undefined,
        key: sampleKey("b"),
        digest: sampleDigest("b"),
        bytes: 100,
        inputs: { "file:Dockerfile": "1" },
      },
      starter: {
        role: "product",
        key: sampleKey("f"),
        digest,
        bytes: 1000,
        inputs: { "file:Dockerfile": "1" },
      },
    },
    repository: sampleRepository,
    evidence,
    promoted: { digest, tags: [`${sampleRepository}:starter-ada`] },
    hasTest: true,
    outputs: { recipe: "starter", image: reference },
  });
});

test("what `pulumi stack export` prints is read alike", () => {
  const exported = { version: 3, deployment: { resources: sampleResources(whole) } };
  assert.deepEqual(recordedStack(exported), recordedStack(sampleState(whole)));
});

test("a stage without an image was not built, and one that is being replaced is there once", () => {
  const stages = {
    torch: { key: sampleKey("a") },
    cuda: { key: sampleKey("c"), built: false, registered: {} },
  };
  const resources = sampleResources({ stages });
  const [image] = resources.filter(({ type }) => type === "docker-build:index:Image");
  const former = {
    ...image,
    delete: true,
    outputs: { exports: [{ raw: `x=r/s:stage-torch-${sampleKey("9")}` }] },
  };
  const {
    stages: recorded,
    product,
    hasTest,
  } = recordedStack({ deployment: { resources: [former, ...resources] } });
  assert.deepEqual(Object.keys(recorded ?? {}), ["torch"]);
  assert.equal(stage(recorded, "torch").key, sampleKey("a"));
  assert.deepEqual([product, hasTest], [undefined, false]);
});

test("a product that was built once, and is a manifest now, is the manifest", () => {
  const resources = sampleResources({ stages: { starter: { key: sampleKey("f") } } });
  const component = resources.find(({ type }) => type === "strata:index:ProductImage") ?? assert.fail();
  const urn = component.urn.replace("ProductImage", "ImageStage");
  const registered = { key: sampleKey("9"), digest: sampleDigest("9"), inputs: {}, role: "product" };
  const former = [
    { ...component, urn, type: "strata:index:ImageStage", outputs: registered },
    {
      urn: `${urn}-image`,
      type: "docker-build:index:Image",
      custom: true,
      parent: urn,
      outputs: {
        digest: sampleDigest("9"),
        exports: [
          { raw: `type=registry,name=${sampleRepository}:product-starter-${sampleKey("9")},push=true` },
        ],
      },
    },
  ];
  // What an update did not get to is behind what it did.
  for (const all of [
    [...resources, ...former],
    [...former, ...resources],
  ]) {
    const { stages } = recordedStack({ deployment: { resources: all } });
    assert.equal(stage(stages, "starter").key, sampleKey("f"));
  }
  const before = recordedStack({ deployment: { resources: [...resources.slice(0, 2), ...former] } });
  assert.equal(stage(before.stages, "starter").key, sampleKey("9"));
});

test("what a command printed is its image, though its component has not registered it yet", () => {
  const registered = { key: sampleKey("9"), inputs: {}, digest: sampleDigest("9"), compressedSize: 7 };
  const { stages } = recordedStack(sampleState({ stages: { starter: { key: sampleKey("a"), registered } } }));
  const { key, role } = { key: sampleKey("a"), role: "product" };
  assert.deepEqual(stages?.starter, { role, key, digest: sampleDigest("a"), bytes: undefined, inputs: {} });
});

test("what a component registered without building it explains nothing: the image says what was built", () => {
  const registered = {
    key: sampleKey("b"),
    inputs: { "file:x": "new" },
    digest: sampleDigest("a"),
    compressedSize: 7,
  };
  const { stages } = recordedStack(sampleState({ stages: { torch: { key: sampleKey("a"), registered } } }));
  assert.deepEqual(stages?.torch, {
    role: undefined,
    key: sampleKey("a"),
    digest: sampleDigest("a"),
    bytes: 7,
    inputs: {},
  });
});

test("a size that was measured of another image is none", () => {
  const registered = { key: sampleKey("9"), inputs: {}, digest: sampleDigest("9"), compressedSize: 7 };
  const { stages } = recordedStack(sampleState({ stages: { torch: { key: sampleKey("a"), registered } } }));
  assert.equal(stage(stages, "torch").bytes, undefined);
});

test("after a failed test the tags point where they did, and the evidence is not about the product", () => {
  const tested = sampleDigest("e");
  const {
    product,
    promoted,
    evidence: about,
  } = recordedStack(
    sampleState({
      ...whole,
      components: {
        ...whole.components,
        "strata:index:SmokeTest starter-smoke": { evidence: JSON.stringify({ ...evidence, digest: tested }) },
      },
      commands: {
        ...whole.commands,
        "starter-promotion": { environment: { STRATA_REFERENCE: `${sampleRepository}@${tested}` } },
      },
    }),
  );
  assert.equal(promoted?.digest, tested);
  assert.equal(about, null);
  assert.deepEqual((product as { digest: string; tags: string[] }).tags, []);
});

test("the recipe is the one that the stack exports, or that is asked for", () => {
  const other = sampleResources({ recipe: "studio", stages: { torch: { key: sampleKey("c") } } }).slice(1);
  const resources = [...other, ...sampleResources(whole)];
  const state = { deployment: { resources } };
  assert.equal(recordedStack(state).recipe, "starter");
  assert.deepEqual(Object.keys(recordedStack(state).stages ?? {}), ["torch", "vae", "starter"]);
  assert.deepEqual(Object.keys(recordedStack(state, "studio").stages ?? {}), ["torch"]);
  assert.deepEqual(recordedStack(state, "wan22").stages, {});
});

test("a product that a targeted update has left out is none", () => {
  const unknown = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";
  const registered = { digest: unknown, reference: unknown, compressedSize: unknown };
  const { product, stages } = recordedStack(
    sampleState({
      stages: { torch: { key: sampleKey("a") } },
      components: { "strata:index:LayeredImage starter": registered },
      outputs: { recipe: "starter", image: unknown },
    }),
  );
  assert.equal(product, undefined);
  assert.deepEqual(Object.keys(stages ?? {}), ["torch"]);
});

test("nothing that is encrypted is read", () => {
  const encrypted = { "4dabf18193072939515e22adb298388d": "x", ciphertext: "v1:x:y" };
  const { evidence: about, outputs } = recordedStack(
    sampleState({
      ...whole,
      components: { "strata:index:SmokeTest starter-smoke": { evidence: encrypted } },
      outputs: { a: [encrypted, { b: encrypted, c: null }] },
    }),
  );
  assert.equal(about, null);
  assert.deepEqual(outputs, { a: ["[secret]", { b: "[secret]", c: null }] });
});

test("a state without our image, or none at all, has what it exports", () => {
  const outputs = { stages: { torch: { key: "k" } } };
  assert.deepEqual(recordedStack({ deployment: { resources: [{ type: "pulumi:pulumi:Stack", outputs }] } }), {
    ...outputs,
    outputs,
  });
  for (const other of [
    undefined,
    null,
    [],
    "x",
    {},
    { checkpoint: {} },
    { checkpoint: { latest: { resources: null } } },
  ])
    assert.deepEqual(recordedStack(other), { outputs: {} });
});

test("a first update that was interrupted has left the stages that were built", () => {
  const { recipe, product, stages, promoted, hasTest, evidence: about } = recordedStack(read("interrupted"));
  assert.equal(recipe, "starter");
  assert.deepEqual(Object.keys(stages ?? {}).sort(), ["cuda", "system", "torch"]);
  const torch = stage(stages, "torch");
  assert.deepEqual([torch.key, torch.bytes], ["f6e8309a80b6b8bc91d8", 553228383]);
  assert.ok("parent:cuda" in torch.inputs);
  assert.deepEqual([product, promoted, hasTest, about], [undefined, null, false, null]);
});

test("a state of the former form says the same by its resources as by all that the stack exported", () => {
  const { outputs, ...recorded } = recordedStack(read("former"));
  const before = previousFromRecord(outputs);
  const now = previousFromRecord(recorded);
  const byName = (previous: typeof now) => previous.stages.toSorted((a, b) => a.name.localeCompare(b.name));
  assert.deepEqual(
    byName(now).map(({ role: _, ...rest }) => rest),
    byName(before).map(({ role: _, ...rest }) => rest),
  );
  assert.deepEqual({ ...now, stages: [] }, { ...before, stages: [] });
  assert.equal(now.comparedWith.kind, "outputs");
  assert.deepEqual(
    [now.platform, now.tags, now.evidence?.verdict, now.promoted === now.product?.digest],
    [{ recipe: "small", generation: "cpu" }, ["small"], "pass", true],
  );
});
