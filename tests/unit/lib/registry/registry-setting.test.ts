import assert from "node:assert/strict";
import { test } from "node:test";
import { parseConfig } from "../../../../config.ts";
import { UserErrors } from "../../../../errors.ts";
import { imageRepository, registrySetting } from "../../../../lib/registry/registry-setting.ts";

const parse = (registry: object, more: Readonly<Record<string, object>> = {}) =>
  parseConfig({
    "strata:registry": JSON.stringify(registry),
    ...Object.fromEntries(
      Object.entries(more).map(([key, value]) => [`strata:${key}`, JSON.stringify(value)]),
    ),
  });
const name = (registry: object) => imageRepository(registrySetting.parse(registry), "127.0.0.1:5000");
const ecr = { kind: "ecr", account: "123456789012", region: "eu-central-1", repository: "team/strata" };
const ghcr = { kind: "ghcr", owner: "acme", repository: "strata" };
const hub = { kind: "docker-hub", namespace: "acme", repository: "strata" };
const oci = { kind: "oci", address: "reg.example:5443", repository: "team/strata" };

test("every kind has a repository that is known before anything is asked", () => {
  assert.equal(name({ kind: "local", repository: "strata" }), "127.0.0.1:5000/strata");
  assert.equal(name(ghcr), "ghcr.io/acme/strata");
  assert.equal(name(ecr), "123456789012.dkr.ecr.eu-central-1.amazonaws.com/team/strata");
  assert.equal(
    name({ ...ecr, region: "cn-north-1" }),
    "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn/team/strata",
  );
  assert.equal(name(hub), "docker.io/acme/strata");
  assert.equal(name(oci), "reg.example:5443/team/strata");
});

test("defaults of ECR: the stack makes the repository, and what nobody uses stays 30 days", () => {
  assert.deepEqual(parse(ecr).registry, { ...ecr, create: true, stageDays: 30 });
});

test("mistakes are told with path and value", () => {
  const refused = (registry: object, problem: RegExp) => assert.throws(() => parse(registry), problem);
  refused({ ...ghcr, owner: "Acme" }, /strata:registry\.owner: expected a GitHub user .* got "Acme"/);
  refused({ ...ecr, account: "12345" }, /strata:registry\.account: expected an AWS account of 12 digits/);
  refused({ ...ecr, region: "europe" }, /strata:registry\.region: expected a region such as eu-central-1/);
  refused({ ...ecr, stageDays: 0 }, /strata:registry\.stageDays/);
  refused({ ...oci, address: "https://reg.example" }, /strata:registry\.address: .*without a scheme/);
  refused({ ...oci, address: "registry" }, /strata:registry\.address: expected a host with a dot or a port/);
  refused({ ...oci, password: "x" }, /strata:registry\.username: expected the user that the password/);
  refused({ ...ghcr, address: "x" }, /strata:registry\.address: is not a setting/);
});

test("Docker Hub has one name however a stack writes it", () => {
  assert.throws(
    () => parse(hub, { copies: [{ kind: "oci", address: "docker.io", repository: "acme/strata" }] }),
    /strata:copies\.0: is the same repository as strata:registry/,
  );
});

test("a copy is another repository than the first, and than every other copy", () => {
  assert.throws(
    () => parse(ghcr, { copies: [ecr, ghcr, ecr] }),
    (error: unknown) => {
      assert.ok(error instanceof UserErrors);
      assert.deepEqual(
        error.errors.map(({ path, problem }) => `${path} ${problem}`),
        [
          "strata:copies.1 is the same repository as strata:registry.",
          "strata:copies.2 is the same repository as strata:copies.0.",
        ],
      );
      return true;
    },
  );
  assert.equal(parse(ghcr, { copies: [ecr, oci] }).copies.length, 2);
});

test("what a registry's setting may say, to the letter", () => {
  const accepts = (registry: object, more: object) =>
    registrySetting.safeParse({ ...registry, ...more }).success;
  const cases: readonly (readonly [object, string, readonly unknown[], readonly unknown[]])[] = [
    [
      ghcr,
      "repository",
      ["a", "a-b.c_d/e9", `${"a".repeat(200)}`],
      ["A", "/a", "a/", "a//b", "-a", "a-", "a b", "", "a/B", "a:1", `${"a".repeat(201)}`],
    ],
    [ghcr, "owner", ["acme", "a-b-2"], ["-a", "a-", "a--b", "a/b", "", "a b"]],
    [ghcr, "username", ["me"], [""]],
    [ghcr, "password", ["p"], [""]],
    [hub, "namespace", ["acme2", "ab"], ["a", "Acme", "a-b", "a/b", ""]],
    [hub, "repository", ["st", "a-b_c.d"], ["s", "team/strata", "-a", "a-", "A", "", "a".repeat(256)]],
    [ecr, "account", ["000000000000"], ["1234567890123", "12345678901", "a23456789012"]],
    [
      ecr,
      "region",
      ["us-gov-west-1", "ap-southeast-2"],
      ["eu-central-", "eu-central-12", "xeu-central-1", "EU-central-1", "eu-1"],
    ],
    [ecr, "stageDays", [1, 3650], [0, 3651, 1.5]],
    [ecr, "create", [true, false], ["no"]],
    [ecr, "kmsKey", ["arn:aws:kms:x"], ["alias/key", "x-arn:"]],
    [
      oci,
      "address",
      ["a.b", "localhost", "localhost:5000", "[::1]:5000", "a-b.example:1", "10.0.0.1:65535"],
      ["host", "a.b/c", "a.b:", "a.b:123456", "-a.b", "a-.b", "a..b", "a.b-", "a.-b", "https://a.b", "A.b"],
    ],
    [oci, "ca", ["ca.pem"], [""]],
    [{ ...oci, password: "p" }, "username", ["me"], ["", undefined]],
  ];
  for (const [registry, key, right, wrong] of cases) {
    for (const value of right) assert.ok(accepts(registry, { [key]: value }), `${key} ${value}`);
    for (const value of wrong) assert.ok(!accepts(registry, { [key]: value }), `${key} ${value}`);
  }
  assert.ok(!accepts({ kind: "local", repository: "strata" }, { more: 1 }));
  assert.ok(accepts(oci, { username: "anonymous" }));
});
