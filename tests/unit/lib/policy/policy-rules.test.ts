/** Each rule has mutants of what strata itself makes: they trip it, and what they were made of does not. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { PolicyTerms, WantedResource } from "../../../../lib/policy/policy-rule.ts";
import { brokenPolicies, policyRules } from "../../../../lib/policy/policy-rules.ts";

const digest = `sha256:${"a".repeat(64)}`;
const stage = `registry/strata:stage-torch-${"0".repeat(20)}`;
const workflow = { identity: "https://github.com/acme/*", issuer: "https://token.example.org" };
const trust = { keys: ["KEY"], identities: [workflow], predicates: ["sbom" as const, "evidence" as const] };

const image = (more: object = {}): WantedResource => ({
  type: "docker-build:index:Image",
  name: "starter-torch",
  props: {
    context: {
      location: "contexts/torch",
      named: {
        base: { location: `docker-image://debian@${digest}` },
        // A preview names a stage that is yet to be built by its key.
        toolbox: { location: `docker-image://${stage}` },
        sources: { location: "folder" },
      },
    },
    dockerfile: { location: "contexts/torch/Dockerfile" },
    buildArgs: { CUDA_VERSION: "13.0", TOKENIZERS: "fast" },
    exports: [{ raw: `type=registry,name=${stage},push=true` }],
    ...more,
  },
});
const command = (create: string, environment: object = {}): WantedResource => ({
  type: "command:local:Command",
  name: "starter-promotion",
  props: { create, environment },
});
const promotion = (told: object | undefined, step = "promotion") =>
  command(`node tools/steps/${step}.ts`, {
    STRATA_TAGS: "stable",
    ...(told && { STRATA_TRUST: JSON.stringify(told) }),
  });
const template = (more: object = {}): WantedResource => ({
  type: "aws:ec2/launchTemplate:LaunchTemplate",
  name: "host",
  props: {
    metadataOptions: { httpEndpoint: "enabled", httpTokens: "required" },
    blockDeviceMappings: [{ deviceName: "/dev/sda1", ebs: { encrypted: "true" } }],
    ...more,
  },
});
const other = (type: string, props: object): WantedResource => ({ type, name: "x", props: { ...props } });
const group = (ingress: object[]) => other("aws:ec2/securityGroup:SecurityGroup", { ingress });
const dockerfile = (text: string) => image({ dockerfile: { inline: text } });
const files: Readonly<Record<string, string>> = {
  "contexts/torch/Dockerfile":
    "ARG FROM_STAGE=base\nFROM toolbox AS build\nFROM build AS more\nFROM $FROM_STAGE\nFROM scratch\n",
};

const terms: PolicyTerms = { trust, read: (path) => files[path] };
const tripped = (resource: WantedResource) =>
  brokenPolicies(resource, terms).map(({ message }) => /policy ([a-z0-9-]+)/.exec(message)?.[1]);

/** What is as it should be. */
const sound: readonly WantedResource[] = [
  image(),
  image({ exports: [{ raw: `type=registry,name=registry/strata:product-starter-${"1".repeat(20)}` }] }),
  dockerfile(`FROM debian@${digest}\nFROM base\n`),
  promotion(trust),
  promotion({ identities: [workflow], predicates: trust.predicates }),
  promotion({ ...trust, predicates: [...trust.predicates, "provenance"] }, "product-copy"),
  command("node tools/steps/smoke-test.ts"),
  template(),
  template({ metadataOptions: { httpEndpoint: "disabled" } }),
  group([]),
  other("aws:ec2/securityGroupRule:SecurityGroupRule", { type: "egress" }),
  other("aws:ebs/volume:Volume", { encrypted: true }),
  other("aws:ec2/instance:Instance", {
    metadataOptions: { httpTokens: "required" },
    rootBlockDevice: { encrypted: true },
  }),
  other("aws:s3/bucket:Bucket", { encrypted: false }),
];

const named = (location: string) =>
  image({ context: { named: { base: { location }, toolbox: { location: `docker-image://${stage}` } } } });

/** Each with the one rule that it breaks. */
const mutants: readonly (readonly [rule: string, resource: WantedResource])[] = [
  ["unpinned-base", named("docker-image://debian:bookworm")],
  ["unpinned-base", named("docker-image://debian")],
  ["unpinned-base", named(`docker-image://registry/strata:starter-cpu`)],
  ["unpinned-base", dockerfile("FROM debian:12\n")],
  ["unpinned-base", dockerfile("FROM scratch AS a\nFROM a\nFROM ubuntu AS b\n")],
  ["mutable-stage-tag", image({ exports: [{ raw: "type=registry,name=registry/strata:latest,push=true" }] })],
  ["mutable-stage-tag", image({ exports: [{ image: { names: ["registry/strata:v1"] } }] })],
  ["mutable-stage-tag", image({ exports: [{ registry: { names: ["registry/strata:stage-torch-1"] } }] })],
  ["mutable-stage-tag", image({ tags: ["registry/strata:stable"] })],
  ["host-ingress", group([{ fromPort: 22 }])],
  ["host-ingress", other("aws:ec2/securityGroupRule:SecurityGroupRule", { type: "ingress" })],
  ["host-ingress", other("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", {})],
  ["imds-v1", template({ metadataOptions: undefined })],
  ["imds-v1", template({ metadataOptions: { httpTokens: "optional" } })],
  [
    "imds-v1",
    other("aws:ec2/instance:Instance", { rootBlockDevice: { encrypted: true }, metadataOptions: {} }),
  ],
  ["unencrypted-volume", template({ blockDeviceMappings: [{ ebs: { encrypted: "false" } }] })],
  ["unencrypted-volume", template({ blockDeviceMappings: [{ ebs: { volumeSize: 8 } }] })],
  ["unencrypted-volume", template({ blockDeviceMappings: [] })],
  ["unencrypted-volume", other("aws:ebs/volume:Volume", {})],
  ["unencrypted-volume", other("aws:ec2/instance:Instance", { metadataOptions: { httpTokens: "required" } })],
  ["secret-argument", image({ buildArgs: { HF_TOKEN: "anything" } })],
  ["secret-argument", image({ buildArgs: { URL: "https://me:word@example.org" } })],
  ["secret-argument", image({ labels: { note: `ghp_${"aB3cD4eF5gH6".repeat(4)}` } })],
  ["secret-argument", command("curl https://me:word@example.org")],
  ["unsigned-promotion", promotion(undefined)],
  ["unsigned-promotion", promotion(undefined, "product-copy")],
  ["unsigned-promotion", promotion({ keys: ["OTHER"], predicates: trust.predicates })],
  ["unsigned-promotion", promotion({ ...trust, identities: [{ ...workflow, identity: "*" }] })],
  ["unsigned-promotion", promotion({ ...trust, root: "other.json" })],
  ["unsigned-promotion", promotion({ keys: [], predicates: trust.predicates })],
  ["unsigned-promotion", promotion({ keys: ["KEY"], predicates: ["sbom"] })],
  ["unsigned-promotion", command("node tools/steps/promotion.ts", { STRATA_TRUST: "no json" })],
];

test("what strata makes breaks no rule", () => {
  for (const resource of sound) assert.deepEqual(tripped(resource), [], JSON.stringify(resource));
});

test("every mutant trips the rule that it is about, and no other", () => {
  for (const [rule, resource] of mutants)
    assert.deepEqual(tripped(resource), [rule], JSON.stringify(resource));
});

test("every rule has a mutant", () => {
  const tried = new Set(mutants.map(([rule]) => rule));
  assert.deepEqual(
    policyRules.map(({ name }) => name).filter((name) => !tried.has(name)),
    [],
  );
});

test("nothing has to be signed where nobody is trusted", () => {
  assert.deepEqual(brokenPolicies(promotion(undefined), {}), []);
});
