import assert from "node:assert/strict";
import { test } from "node:test";
import { builderSetting } from "../../../../lib/builders/builder-setting.ts";
import { servedBase } from "../../../../lib/builders/served-base.ts";

const digest = `sha256:${"a".repeat(64)}`;
const made = `127.0.0.1:5000/strata/base@${digest}`;
const registry = { kind: "oci", address: "reg.example.org", repository: "team/strata" } as const;
const far = builderSetting.parse({
  kind: "remote",
  address: "tcp://b:1",
  tls: { ca: "ca", cert: "cert", key: "key" },
});

test("a base that was made here is the stack's own copy for a builder elsewhere, by the same digest", () => {
  const served = (reference: string, builder: typeof far, builders = {}) =>
    servedBase(reference, { builder, builders, registry }, "127.0.0.1:5000");
  assert.equal(served(made, far), `reg.example.org/team/strata@${digest}`);
  assert.equal(served(made, "strata"), made);
  assert.equal(served(made, "strata", { heavy: far }), made, "what starts from the base is not heavy");
  const official = `docker.io/library/debian:bookworm@${digest}`;
  assert.equal(served(official, far), official);
});
