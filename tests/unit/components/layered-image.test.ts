import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import * as pulumi from "@pulumi/pulumi";
import { measured } from "../../../components/image-stage.ts";
import { LayeredImage } from "../../../components/layered-image.ts";
import type { Registry } from "../../../components/registry/registry.ts";
import { UserError } from "../../../errors.ts";
import { type StageSummary, summaryOf } from "../../../lib/plan/partial-update.ts";
import type { Plan, PlanEntry } from "../../../lib/plan/plan.ts";
import type { Layer } from "../../../lib/recipe/layer.ts";
import { context, layersFolder, plan, sampleLayer, sampleRecipe } from "../../support/layers.ts";
import { mockDigest, record, resolved } from "../../support/mocks.ts";

const registry: Registry = {
  repository: pulumi.output("registry.test/strata"),
  logins: [{ address: "registry.test", username: "me", password: pulumi.secret("hidden") }],
  removesOldStages: false,
  compressedSize: async (reference) => reference.length,
};
const image = "docker-build:index:Image";
const command = "command:local:Command";
const base = "registry.test/base@sha256:base";

function testPlan(t: TestContext, more: Partial<Layer> = {}): Plan {
  const folder = layersFolder(t, {
    "toolbox/Dockerfile": "FROM base\n",
    "system/Dockerfile": "FROM base\n",
    "a/Dockerfile": "FROM toolbox\n",
  });
  const layers = [
    sampleLayer("system", [], { role: "system" }),
    sampleLayer("a", ["toolbox"], { args: () => ({ X: "1" }), ...more }),
  ];
  return plan(folder, sampleRecipe(layers, [sampleLayer("toolbox", [], { role: "build" })]));
}

async function build(
  testedPlan: Plan,
  preview = false,
  stdout: Readonly<Record<string, string>> = {},
  summaries = summaryOf as (stage: PlanEntry) => StageSummary,
) {
  let built: LayeredImage | undefined;
  const answers = { [command]: (name: string) => ({ stdout: stdout[name] ?? "" }) };
  const recording = await record(
    () => {
      built = new LayeredImage("starter", {
        plan: testedPlan,
        base,
        contexts: (stage) => `contexts/${stage.key}`,
        settings: { registry, builder: "strata", certificates: "PEM" },
        summaries,
      });
    },
    { preview, answers },
  );
  assert.ok(built);
  return { built, recording };
}

test("a stage is an image whose inputs answer every trap of the provider", async (t) => {
  const testedPlan = testPlan(t);
  const stage = testedPlan.stages.find(({ name }) => name === "a");
  assert.ok(stage);
  const { recording } = await build(testedPlan);
  const { inputs } = recording.only(image, "starter-a");
  assert.deepEqual(inputs, {
    push: false,
    buildOnPreview: false,
    platforms: ["linux/amd64"],
    builder: { name: "strata" },
    network: "default",
    registries: { secret: [{ address: "registry.test", username: "me", password: "hidden" }] },
    context: {
      location: `contexts/${stage.key}`,
      named: {
        toolbox: { location: `docker-image://registry.test/strata@${mockDigest("starter-toolbox")}` },
      },
    },
    dockerfile: { location: `contexts/${stage.key}/Dockerfile` },
    buildArgs: { SOURCE_DATE_EPOCH: "315532800", X: "1" },
    secrets: { secret: { ca: "PEM" } },
    ignoreSecretsInDiffCalculation: ["ca"],
    exports: [
      {
        raw: `type=registry,name=registry.test/strata:stage-a-${stage.key},push=true,oci-mediatypes=true,compression=zstd,compression-level=3,force-compression=true`,
      },
    ],
    cacheFrom: [{ raw: `type=registry,ref=registry.test/strata:cache-a-${stage.cacheKey}` }],
    cacheTo: [
      {
        raw: `type=registry,ref=registry.test/strata:cache-a-${stage.cacheKey},mode=min,oci-mediatypes=true,image-manifest=true,ignore-error=true,compression=zstd`,
      },
    ],
  });
});

test("the registry keeps every step of a stage that has many, and only the result of others", async (t) => {
  const { recording } = await build(testPlan(t, { cachesSteps: true }));
  const modeOf = (name: string) => {
    const [{ raw }] = recording.only(image, name).inputs.cacheTo as [{ raw: string }];
    return /,mode=(\w+),/.exec(raw)?.[1];
  };
  assert.deepEqual(
    [modeOf("starter-a"), modeOf("starter-toolbox"), modeOf("starter-system")],
    ["max", "min", "min"],
  );
});

test("what only builds is packed as it comes, all of a product anew; a stage starts from the base by digest", async (t) => {
  const { recording } = await build(testPlan(t));
  const isForced = (name: string) => {
    const [{ raw }] = recording.only(image, name).inputs.exports as [{ raw: string }];
    return raw.endsWith(",compression=zstd,compression-level=3,force-compression=true");
  };
  assert.deepEqual(["starter-toolbox", "starter-system", "starter-a"].map(isForced), [false, true, true]);
  const { context } = recording.only(image, "starter-system").inputs as { context: { named: object } };
  assert.deepEqual(context.named, { base: { location: `docker-image://${base}` } });
});

test("a stack with a kind of its own packs all of a product so, and finds the steps of others", async (t) => {
  const folder = layersFolder(t, {
    "toolbox/Dockerfile": "FROM base\n",
    "system/Dockerfile": "FROM base\n",
    "a/Dockerfile": "FROM toolbox\n",
  });
  const recipe = sampleRecipe(
    [sampleLayer("system", [], { role: "system" }), sampleLayer("a", ["toolbox"])],
    [sampleLayer("toolbox", [], { role: "build" })],
  );
  const packed = plan(folder, recipe, {}, { ...context, compression: { kind: "gzip", level: 9 } });
  const usual = plan(folder, recipe);
  const { recording } = await build(packed);
  const inputsOf = (name: string) =>
    recording.only(image, name).inputs as Record<"exports" | "cacheFrom" | "cacheTo", { raw: string }[]>;
  const { environment } = recording.only(command, "starter").inputs as {
    environment: Record<string, string>;
  };
  assert.equal(environment.STRATA_COMPRESSION, '{"kind":"gzip","level":9}');
  for (const stage of packed.stages) {
    const { exports, cacheFrom, cacheTo } = inputsOf(`starter-${stage.name}`);
    const forced = stage.role === "build" ? "" : ",force-compression=true";
    assert.match(
      exports[0]?.raw ?? "",
      new RegExp(`,compression=gzip,compression-level=9${forced}$`),
      stage.name,
    );
    const cache = `type=registry,ref=registry.test/strata:cache-${stage.name}-`;
    const same = usual.stages.find(({ name }) => name === stage.name);
    assert.notEqual(stage.cacheKey, same?.cacheKey);
    assert.deepEqual(
      cacheFrom.map(({ raw }) => raw),
      [`${cache}${stage.cacheKey}`, `${cache}${same?.cacheKey}`],
    );
    assert.match(
      cacheTo[0]?.raw ?? "",
      new RegExp(`:cache-${stage.name}-${stage.cacheKey},.*,compression=gzip$`),
    );
  }
});

const made = `registry.test/strata@sha256:${"7".repeat(64)}`;

test("the product is put together from the stages' digests, build stages left out; no builder has a part in it", async (t) => {
  const testedPlan = testPlan(t);
  const { built, recording } = await build(testedPlan, false, { starter: `${made}\n` });
  const { inputs } = recording.only(command, "starter");
  assert.deepEqual(inputs, {
    create: "node tools/steps/product-image.ts",
    environment: {
      STRATA_TARGET: `registry.test/strata:product-test-${testedPlan.product.key}`,
      STRATA_PARTS: JSON.stringify({
        system: `registry.test/strata@${mockDigest("starter-system")}`,
        a: `registry.test/strata@${mockDigest("starter-a")}`,
      }),
      STRATA_SETTINGS: JSON.stringify(testedPlan.product.settings),
      STRATA_COMPRESSION: '{"kind":"zstd","level":3}',
      STRATA_BUILDER: "strata",
    },
    triggers: [],
    addPreviousOutputInEnv: false,
    logging: "stderr",
  });
  assert.equal(await resolved(built.reference), made);
  assert.equal(await resolved(built.digest), made.split("@")[1]);
  assert.equal(await resolved(built.compressedSize), made.length);
  const { digest, reference, compressedSize, key, role } =
    recording.registered("strata:index:ProductImage", "starter") ?? {};
  assert.deepEqual([key, role], [testedPlan.product.key, "product"]);
  assert.equal(await resolved(reference as pulumi.Output<string>), made);
  assert.equal(await resolved(digest as pulumi.Output<string>), made.split("@")[1]);
  assert.equal(await resolved(compressedSize as pulumi.Output<number>), made.length);
});

test("the product waits for what only checks stages: where that fails, there is nothing to test or to tag", async (t) => {
  const folder = layersFolder(t, {
    "system/Dockerfile": "FROM base\n",
    "verify/Dockerfile": "FROM system\n",
  });
  const testedPlan = plan(
    folder,
    sampleRecipe(
      [sampleLayer("system", [], { role: "system" })],
      [sampleLayer("verify", ["system"], { role: "build" })],
    ),
  );
  const waits = new Map<string, readonly unknown[]>();
  const built: { image?: LayeredImage } = {};
  await record(() => {
    pulumi.runtime.registerStackTransformation(({ type, name, opts }) => {
      if (type === "strata:index:ProductImage") waits.set(name, [opts.dependsOn ?? []].flat());
      return undefined;
    });
    built.image = new LayeredImage("starter", {
      plan: testedPlan,
      base,
      contexts: (stage) => `contexts/${stage.key}`,
      settings: { registry, builder: "strata", certificates: undefined },
    });
  });
  // It copies nothing of this stage, so its digest is no reason to wait.
  assert.ok(!testedPlan.product.parents.includes("verify"));
  assert.ok(waits.get("starter")?.includes(built.image?.stages.verify));
});

test("destroying a stack leaves its images: another may use them", async (t) => {
  const { recording } = await build(testPlan(t));
  assert.deepEqual(recording.retained, Array(3).fill(image));
  assert.equal(recording.of(image).length, 3);
  // The product's command has nothing to do when it goes.
  assert.equal(recording.only(command, "starter").inputs.delete, undefined);
});

test("the outputs of a stage: digest, reference, key, inputs, size", async (t) => {
  const testedPlan = testPlan(t);
  const { built } = await build(testedPlan);
  const stage = built.stages.a;
  assert.ok(stage);
  const reference = `registry.test/strata@${mockDigest("starter-a")}`;
  assert.equal(await resolved(stage.digest), mockDigest("starter-a"));
  assert.equal(await resolved(stage.reference), reference);
  assert.equal(stage.key, testedPlan.stages.find(({ name }) => name === "a")?.key);
  assert.equal(stage.inputs["argument:X"], "1");
  assert.equal(await resolved(stage.compressedSize), reference.length);
});

test("every stage registers what tells it from what it was, with its size; another word for it where it is given", async (t) => {
  const testedPlan = testPlan(t);
  const former = { key: "old", inputs: { "file:x": "1" }, role: "build" };
  const given = (stage: PlanEntry) => (stage.name === "toolbox" ? former : summaryOf(stage));
  const { recording } = await build(testedPlan, false, {}, given);
  const registered = (name: string) => recording.registered("strata:index:ImageStage", name);
  const a = registered("starter-a") ?? {};
  assert.deepEqual(Object.keys(a).sort(), ["compressedSize", "digest", "inputs", "key", "reference", "role"]);
  const stage = testedPlan.stages.find(({ name }) => name === "a");
  assert.deepEqual([a.key, a.inputs, a.role], [stage?.key, stage?.inputs, "stage"]);
  const { key, inputs, role } = registered("starter-toolbox") ?? {};
  assert.deepEqual({ key, inputs, role }, former);
});

test("a size that cannot be measured: open in a preview, else the image is gone, and how to make it again is said", async () => {
  const problem = "registry r answered 404 for the manifest.";
  const gone = { ...registry, compressedSize: () => Promise.reject(new UserError("r/s@d", problem, "")) };
  const ask = (each: Registry) => measured(each, "r/s@d", "urn:x");
  await record(async () => {
    await assert.rejects(
      ask(gone),
      /^UserError: r\/s@d: is what the stack's state has, but .* Make it again: pulumi up --replace 'urn:x'$/,
    );
    const denied = new UserError("r/s@d", "registry r answered 403 for the manifest.", "Log in.");
    await assert.rejects(ask({ ...registry, compressedSize: () => Promise.reject(denied) }), denied);
  });
  await record(async () => assert.equal(await ask(gone), undefined), { preview: true });
});

/** Two bulk stages, in the product or beside it. */
function bulkPlan(t: TestContext, inProduct: boolean): Plan {
  const names = ["system", "tools", "m1", "m2"];
  const folder = layersFolder(t, Object.fromEntries(names.map((name) => [`${name}/Dockerfile`, "FROM x\n"])));
  const tools = sampleLayer("tools", [], { role: "build" });
  const bulk = ["m1", "m2"].map((name) => sampleLayer(name, ["tools"], { bulk: true }));
  const system = sampleLayer("system", [], { role: "system" });
  return plan(
    folder,
    inProduct ? sampleRecipe([system, ...bulk], [tools]) : sampleRecipe([system], [tools, ...bulk]),
  );
}

test("a bulk stage is built by a command that knows where it goes; its secrets are nowhere in clear", async (t) => {
  const testedPlan = bulkPlan(t, true);
  const { built, recording } = await build(testedPlan);
  const stage = testedPlan.stages.find(({ name }) => name === "m1");
  const target = `registry.test/strata:stage-m1-${stage?.key}`;
  const { inputs } = recording.only(command, "starter-m1");
  assert.deepEqual(inputs, {
    create: "node tools/steps/bulk-stage.ts",
    environment: {
      STRATA_STAGE: "m1",
      STRATA_TARGET: target,
      STRATA_CONTEXT: `contexts/${stage?.key}`,
      STRATA_IMAGES: `{"tools":"registry.test/strata@${mockDigest("starter-tools")}"}`,
      STRATA_ARGUMENTS: '{"SOURCE_DATE_EPOCH":"315532800"}',
      STRATA_BUILDER: "strata",
    },
    stdin: { secret: "PEM" },
    triggers: [target],
    addPreviousOutputInEnv: false,
    logging: "stderr",
  });
  assert.equal(
    recording.registrations.find(({ name, type }) => name === "starter-m1" && type === image),
    undefined,
  );
  assert.equal(await pulumi.isSecret(built.stages.m1?.reference ?? pulumi.output("")), false);
});

test("bulk stages of the product are joined to it as all others are", async (t) => {
  const { built, recording } = await build(bulkPlan(t, true), false, {
    "starter-m1": "m1@sha256:1\n",
    "starter-m2": "m2@sha256:2\n",
    starter: `${made}\n`,
  });
  const { environment } = recording.only(command, "starter").inputs as {
    environment: Record<string, string>;
  };
  assert.deepEqual(Object.entries(JSON.parse(environment.STRATA_PARTS ?? "")), [
    ["system", `registry.test/strata@${mockDigest("starter-system")}`],
    ["m1", "m1@sha256:1"],
    ["m2", "m2@sha256:2"],
  ]);
  assert.equal(await resolved(built.reference), made);
  assert.equal(built.library, undefined);
});

test("bulk stages beside the product are an image of their own", async (t) => {
  const { built, recording } = await build(bulkPlan(t, false), false, {
    starter: `${made}\n`,
    "starter-m1": "m1@sha256:1\n",
    "starter-m2": "m2@sha256:2\n",
    "starter-library": "library@sha256:3\n",
  });
  assert.deepEqual(recording.only(command, "starter-library").inputs.environment, {
    STRATA_PARTS: '{"m1":"m1@sha256:1","m2":"m2@sha256:2"}',
    STRATA_TAG: "product-test-library",
  });
  assert.equal(recording.of(command).length, 4);
  assert.equal(await resolved(built.reference), made);
  assert.equal(await resolved(built.library?.reference ?? pulumi.output("")), "library@sha256:3");
});

test("a bulk stage waits for the one before, and for none in an update of single stages", async (t) => {
  const testedPlan = bulkPlan(t, true);
  for (const inTurn of [true, false]) {
    const waits = new Map<string, readonly unknown[]>();
    let built: LayeredImage | undefined;
    await record(() => {
      pulumi.runtime.registerStackTransformation(({ type, name, opts }) => {
        if (type === "strata:index:BulkStage") waits.set(name, [opts.dependsOn ?? []].flat());
        return undefined;
      });
      built = new LayeredImage("starter", {
        plan: testedPlan,
        base,
        contexts: (stage) => `contexts/${stage.key}`,
        settings: { registry, builder: "strata", certificates: undefined },
        inTurn,
      });
    });
    assert.deepEqual(waits.get("starter-m1"), []);
    const before = waits.get("starter-m2") ?? [];
    assert.equal(before.length, inTurn ? 1 : 0);
    assert.ok(before.every((stage) => stage === built?.stages.m1));
  }
});

test("preview and update register the same resources: none is made inside apply", async (t) => {
  const testedPlan = testPlan(t);
  const names = async (preview: boolean) =>
    (await build(testedPlan, preview)).recording.registrations
      .map(({ type, name }) => `${type} ${name}`)
      .sort();
  const update = await names(false);
  assert.deepEqual(await names(true), update);
  assert.equal(update.filter((entry) => entry.startsWith(image)).length, 3);
  assert.equal(update.filter((entry) => entry.startsWith(command)).length, 1);
});

test("a preview names an image that is yet to be built by its tag", async (t) => {
  const testedPlan = testPlan(t);
  const { built } = await build(testedPlan, true);
  const stage = built.stages.a ?? assert.fail();
  assert.equal(await resolved(stage.reference), `registry.test/strata:stage-a-${stage.key}`);
});
