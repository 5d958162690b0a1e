import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { repository } from "../../../../home.ts";
import { sourceWheel } from "../../../../layers/source-wheel/layer.ts";
import { builderSetting } from "../../../../lib/builders/builder-setting.ts";
import { heavyWarning } from "../../../../tools/pulumi/heavy-stages.ts";
import { planSampleStack } from "../../../support/stacks.ts";

const plan = planSampleStack({ recipe: "starter", generation: "ada" });
const local = { builder: "strata", builders: {} };

test("a machine with too little memory for a compiler is told of, with its remedy", () => {
  assert.equal(heavyWarning(plan, local, 8e9), undefined);
  assert.match(
    heavyWarning(plan, local, 2e9) ?? "",
    /^warning: this machine has 2 GB of memory, and one compiler of llama-cpp \(2 GB\) takes most of it; strata:builders\.heavy/,
  );
});

test("for the CPU nothing is heavy, and elsewhere it is no matter of this machine", () => {
  assert.equal(heavyWarning(planSampleStack({ recipe: "starter" }), local, 1e9), undefined);
  const heavy = builderSetting.parse({
    kind: "remote",
    address: "tcp://b:1",
    tls: { ca: "ca", cert: "cert", key: "key" },
  });
  assert.equal(heavyWarning(plan, { builder: "strata", builders: { heavy } }, 1e9), undefined);
  assert.equal(heavyWarning(plan, { builder: "mine", builders: {} }, 1e9), undefined);
});

test("kernels weigh what their build script reckons with", () => {
  const script = readFileSync(join(repository, "layers/source-wheel/build.sh"), "utf8");
  const kilobytes = Number(/int\(\$2 \/ (\d+)\)/.exec(script)?.[1]);
  const weigh = (name: string) =>
    sourceWheel({ name, version: "1", hashes: [] } as never).weight?.(undefined as never)?.compilerMemory;
  assert.equal(weigh("flash-attn"), kilobytes * 1000);
  assert.equal(weigh("sageattention"), kilobytes * 1000);
  assert.ok((weigh("dlib") ?? 0) > 0);
  assert.equal(weigh("fairscale"), undefined);
});
