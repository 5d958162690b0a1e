import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { parse as parseYaml } from "yaml";
import { parseConfig } from "../../../../config.ts";
import { UserError, UserErrors } from "../../../../errors.ts";
import { repository } from "../../../../home.ts";
import { generation } from "../../../../lib/gpu/generations.ts";
import { parseHostKeys } from "../../../../lib/hosts/host-keys.ts";
import { memoryProblems } from "../../../../lib/hosts/host-problems.ts";
import {
  type AwsSetting,
  budgetSetting,
  hostSetting,
  kindOfHosts,
  permittedInstances,
} from "../../../../lib/hosts/host-setting.ts";

const KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0lHs4ZBFv8y0dKJ9yy3pNmDmCkN5R2RzQ3mR6fA8ay";
const ssh = { kind: "ssh", address: "gpu.example.org", hostKey: KEY };
const aws = { kind: "aws", region: "us-east-1" };

const ghcr = { kind: "ghcr", owner: "acme", repository: "strata" };

function parse(host: unknown, generationName = "ada", budget?: object, registry: object = ghcr) {
  return parseConfig({
    "strata:generation": generationName,
    "strata:host": JSON.stringify(host),
    "strata:registry": JSON.stringify(registry),
    ...(budget ? { "strata:budget": JSON.stringify(budget) } : {}),
  });
}

/** Path and problem of each complaint. */
function complaints(work: () => unknown): string[] {
  try {
    work();
  } catch (error) {
    assert.ok(error instanceof UserError, String(error));
    return (error instanceof UserErrors ? error.errors : [error]).map(
      ({ path, problem }) => `${path}: ${problem}`,
    );
  }
  return [];
}

test("one host or a list of them; what is left out has a default", () => {
  assert.deepEqual(parse({ kind: "docker" }).host, [{ kind: "docker", engine: "docker", keepImage: true }]);
  assert.deepEqual(parse([ssh, aws]).host, [
    { ...ssh, port: 22, user: "root", engine: "docker", sudo: false, keepImage: false },
    { ...aws, spot: true, allowExpensive: false, prices: {} },
  ]);
});

test("mistakes in a host are told with their path, in a list too", () => {
  const wrong = { kind: "aws", region: "mars", spot: "yes", subnets: ["vpc-1"], more: 1 };
  assert.deepEqual(
    complaints(() => parse(wrong)).map((text) => text.split(":").slice(0, 2).join(":")),
    ["strata:host.region", "strata:host.spot", "strata:host.subnets.0", "strata:host.more"],
  );
  assert.deepEqual(
    complaints(() => parse([ssh, { ...ssh, port: 0, hostKey: "none" }])).map((text) => text.split(" ")[0]),
    ["strata:host.1.port:", "strata:host.1.hostKey:"],
  );
  assert.match(
    complaints(() => parse({ kind: "shh" }))[0] ?? "",
    /^strata:host\.kind: is missing or unknown/,
  );
  assert.match(complaints(() => parse("docker"))[0] ?? "", /^strata:host: /);
  assert.match(complaints(() => parse([]))[0] ?? "", /^strata:host: /);
});

test("a key is never part of a message", () => {
  const privateKey = "not-a-pem-but-still-a-secret-0123456789";
  for (const host of [
    { ...ssh, kind: "shh", privateKey },
    { ...ssh, privateKey, port: "x" },
    [{ ...ssh, privateKey, kind: undefined }],
  ]) {
    const told = complaints(() => parse(host));
    assert.ok(told.length > 0);
    assert.ok(!told.join().includes(privateKey), told.join());
  }
});

test("a builder with a GPU is a host like others: for generations that have one to test on, and in a list", () => {
  const gpu = { kind: "builder", gpu: true };
  assert.deepEqual(
    complaints(() => parse(gpu)),
    [],
  );
  assert.deepEqual(
    complaints(() => parse([gpu, aws])),
    [],
  );
  assert.deepEqual(
    complaints(() => parse([aws, gpu])),
    [],
  );
  assert.deepEqual(
    complaints(() => parse(gpu, "cpu")),
    ["strata:host.gpu: generation cpu has nothing to test on a GPU."],
  );
  assert.match(
    complaints(() => parse([{ ...gpu, gpu: false }, aws]))[0] ?? "",
    /^strata:host: the builder cannot/,
  );
});

test("a frontend is for the builder's GPU alone", () => {
  const frontend = `docker/dockerfile@sha256:${"a".repeat(64)}`;
  assert.deepEqual(
    complaints(() => parse({ kind: "builder", gpu: true, frontend })),
    [],
  );
  assert.deepEqual(
    complaints(() => parse({ kind: "builder", frontend })),
    ["strata:host.frontend: is for tests on the builder's GPU alone."],
  );
});

test("the builder has no GPU and stands in for nobody", () => {
  assert.match(
    complaints(() => parse([{ kind: "builder" }, aws]))[0] ?? "",
    /^strata:host: the builder cannot/,
  );
});

test("an instance is not rented for a registry that it cannot reach", () => {
  const told = (registry: object, host: unknown = aws) =>
    complaints(() => parse(host, "ada", undefined, registry));
  const at = (address: string) => ({ kind: "oci", address, repository: "strata" });
  for (const [registry, reason] of [
    [{ kind: "local", repository: "strata" }, "is the local one, on a loopback address of this machine"],
    [at("registry.example.org:5000"), "registry.example.org:5000 is on port 5000 and not on 443"],
    [at("localhost"), "localhost is on a loopback address"],
    [at("127.0.0.1:443"), "127.0.0.1:443 is on a loopback address"],
    [at("[2001:db8::1]"), "[2001:db8::1] is an address of IPv6"],
  ] as const) {
    assert.deepEqual(told(registry), [
      `strata:registry: ${reason}, where an instance on EC2 cannot pull from.`,
    ]);
    // Also where it is asked second.
    assert.equal(told(registry, [ssh, aws]).length, 1);
    assert.deepEqual(told(registry, ssh), []);
    assert.deepEqual(told(registry, { kind: "docker" }), []);
  }
  const ecr = { kind: "ecr", account: "123456789012", region: "us-east-1", repository: "strata" };
  for (const registry of [
    ghcr,
    ecr,
    at("registry.example.org"),
    at("registry.example.org:443"),
    at("127.example.org"),
  ])
    assert.deepEqual(told(registry), []);
  assert.match(
    complaints(() => parseConfig({ "strata:generation": "ada", "strata:host": JSON.stringify(aws) })).join(),
    /^strata:registry: is the local one/,
  );
});

test("the examples of GPU hosts in the documents are accepted as they stand", () => {
  for (const path of ["README.md", "docs/hosts.md"]) {
    const text = readFileSync(join(repository, path), "utf8");
    const examples = [...text.matchAll(/```yaml\n([\s\S]*?)```/g)]
      .map(([, yaml = ""]) => parseYaml(yaml))
      .filter((document) => document?.config?.["strata:host"]);
    assert.ok(examples.length > 0, path);
    for (const { config } of examples) {
      const raw = Object.entries(config).map(([key, value]) => [
        key,
        typeof value === "string" ? value : JSON.stringify(value),
      ]);
      const values = Object.fromEntries(raw);
      // It stands for a key that nobody is to copy.
      const host = values["strata:host"].replace(/ssh-ed25519 AAAA[^"]*/, KEY);
      assert.deepEqual(
        complaints(() => parseConfig({ ...values, "strata:host": host })),
        [],
        path,
      );
    }
  }
});

test("hosts of tens of dollars an hour take an explicit yes, and a budget that allows them", () => {
  for (const [name, capability, type, price] of [
    ["ampere", "8.0", "p4d.24xlarge", "21.96"],
    ["blackwell", "10.0", "p6-b200.48xlarge", "113.93"],
  ] as const) {
    const host = { ...aws, capability };
    const told = complaints(() => parse(host, name));
    assert.ok(
      told.includes(`strata:host: ${type} costs $${price} an hour, and nobody has said yes to that.`),
      told.join("\n"),
    );
    assert.match(
      complaints(() => parse({ ...host, allowExpensive: true }, name)).join("\n"),
      /the budget is \$5\.00/,
    );
    assert.deepEqual(
      complaints(() => parse({ ...host, allowExpensive: true }, name, { dollars: 40 })),
      [],
    );
  }
});

test("a budget refuses what is expected to cost more", () => {
  assert.deepEqual(
    complaints(() => parse(aws, "hopper", { dollars: 2 })),
    ["strata:host: a test on p5.4xlarge takes about 20 minutes, $2.29; the budget is $2.00."],
  );
  assert.deepEqual(
    complaints(() => parse(aws, "hopper", { dollars: 2.3 })),
    [],
  );
  assert.match(
    complaints(() => parse({ ...ssh, dollarsPerHour: 30 }))[0] ?? "",
    /^strata:host: a test on gpu\.example\.org takes about 20 minutes, \$10\.00/,
  );
  // The dearest one counts, as that may be what is had.
  const prices = { "g6e.xlarge": 30 };
  assert.match(complaints(() => parse({ ...aws, prices, allowExpensive: true }))[0] ?? "", /g6e\.xlarge/);
});

test("capability and instance types have to be the generation's", () => {
  assert.deepEqual(
    complaints(() => parse({ ...aws, capability: "9.0" })),
    ["strata:host.capability: generation ada is not for 9.0."],
  );
  assert.deepEqual(
    complaints(() => parse({ ...aws, instances: ["g5.xlarge"] })),
    ["strata:host.instances: g5.xlarge is not known to have a card of 8.9."],
  );
  assert.match(complaints(() => parse(aws, "cpu"))[0] ?? "", /^strata:host: generation cpu needs no GPU/);
  assert.match(
    complaints(() => parse({ kind: "docker", gpu: true }, "cpu"))[0] ?? "",
    /^strata:host\.gpu: generation cpu has nothing to test on a GPU/,
  );
});

test("instance types come in the order asked for, at the prices that were given", () => {
  const chosen = (setting: object) =>
    permittedInstances(parse({ ...aws, ...setting }).host[0] as AwsSetting, generation("ada")).map(
      ({ type, dollarsPerHour }) => [type, dollarsPerHour],
    );
  assert.deepEqual(chosen({}), [
    ["g6.xlarge", 0.8048],
    ["g6.2xlarge", 0.9776],
    ["g6e.xlarge", 1.861],
  ]);
  assert.deepEqual(chosen({ instances: ["g6e.xlarge", "g6.xlarge"], prices: { "g6.xlarge": 1 } }), [
    ["g6e.xlarge", 1.861],
    ["g6.xlarge", 1],
  ]);
});

test("host keys: as ssh-keyscan prints them, or as fingerprints", () => {
  const given = Buffer.from(KEY.split(" ")[1] ?? "", "base64");
  const other = Buffer.from(given);
  other[40] = (other[40] ?? 0) ^ 1;
  // `ssh-keygen -l -E sha256` prints the hash without padding.
  for (const text of [KEY, `# a comment\n[gpu.example.org]:2222 ${KEY}\n`, fingerprint(given)]) {
    const keys = parseHostKeys(text);
    assert.ok(keys, text);
    assert.ok(keys.accepts(given), text);
    assert.ok(!keys.accepts(other), text);
  }
  assert.deepEqual(parseHostKeys(KEY)?.types, ["ssh-ed25519"]);
  assert.deepEqual(parseHostKeys(fingerprint(given))?.types, []);
  assert.equal(parseHostKeys("gpu.example.org"), undefined);
});

test("marks of known_hosts count: what is revoked is refused, and an authority's key is no host's own", () => {
  const given = Buffer.from(KEY.split(" ")[1] ?? "", "base64");
  const other = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQC7";
  for (const revoked of [`@revoked * ${KEY}`, `@revoked gpu ${fingerprint(given)}`, `  @revoked * ${KEY}`]) {
    const keys = parseHostKeys(`gpu ${KEY}\n${revoked}\ngpu ${other}`);
    assert.ok(keys && !keys.accepts(given) && keys.revokes(given), revoked);
    assert.ok(keys.accepts(Buffer.from(other.split(" ")[1] ?? "", "base64")));
  }
  for (const text of [`@revoked * ${KEY}`, `@cert-authority *.example.org ${KEY}`, `# gpu ${KEY}`]) {
    assert.equal(parseHostKeys(text), undefined, text);
    assert.match(complaints(() => parse({ ...ssh, hostKey: text }))[0] ?? "", /a line with a mark/);
  }
  const scanned = parseHostKeys(`# gpu.example.org:22 SSH-2.0-OpenSSH_9.2p1\ngpu.example.org ${KEY}`);
  assert.ok(scanned?.accepts(given) && !scanned.revokes(given));
});

test("beside a fingerprint no type of key is asked for: it may be of any", () => {
  const given = Buffer.from(KEY.split(" ")[1] ?? "", "base64");
  const other = Buffer.from("another key");
  const keys = parseHostKeys(`${KEY}\n${fingerprint(other)}`);
  assert.deepEqual(keys?.types, []);
  assert.ok(keys?.accepts(given) && keys.accepts(other));
});

function fingerprint(key: Buffer): string {
  return `SHA256:${createHash("sha256").update(key).digest("base64").replace(/=+$/, "")}`;
}

test("the kind whose word counts is that of the first host with a GPU", () => {
  const kind = (...hosts: object[]) => kindOfHosts(parse(hosts).host);
  const docker = { kind: "docker" };
  assert.equal(kindOfHosts([]), "builder");
  assert.equal(kind({ kind: "builder" }), "builder");
  assert.equal(kind({ kind: "builder", gpu: false }), "builder");
  assert.equal(kind({ kind: "builder", gpu: true }), "builder with a GPU");
  assert.equal(kind(aws), "aws");
  assert.equal(kind({ ...docker, gpu: false }, aws), "aws");
  assert.equal(kind({ ...docker, gpu: false }), "builder");
  assert.equal(kind(docker, aws), "docker");
  assert.equal(kind({ ...ssh, gpu: true }), "ssh");
});

test("among several hosts each mistake has the place of its own", () => {
  const told = (hosts: object[], ...rest: [string?, object?]) => complaints(() => parse(hosts, ...rest));
  const gpu = { kind: "docker", gpu: true };
  assert.deepEqual(told([{ kind: "docker" }, gpu], "cpu"), [
    "strata:host.1.gpu: generation cpu has nothing to test on a GPU.",
  ]);
  assert.deepEqual(told([gpu], "ada"), []);
  assert.deepEqual(told([{ kind: "builder" }], "cpu"), []);
  const dear = { ...ssh, dollarsPerHour: 30 };
  assert.match(told([ssh, dear])[0] ?? "", /^strata:host\.1: a test on gpu\.example\.org/);
  // Exactly the budget is not more than it, and exactly the limit is not expensive.
  assert.deepEqual(told([{ ...ssh, dollarsPerHour: 15 }], "ada", { dollars: 5 }), []);
  assert.deepEqual(
    told([{ ...aws, instances: ["g6.xlarge"], prices: { "g6.xlarge": 20 } }], "ada", { dollars: 50 }),
    [],
  );
});

test("what a host's setting may say, to the letter", () => {
  const accepts = (host: object) => hostSetting.safeParse(host).success;
  const docker = { kind: "docker" };
  const cases: readonly (readonly [object, string, readonly unknown[], readonly unknown[]])[] = [
    [docker, "engine", ["docker", "podman"], ["lxc", ""]],
    [docker, "keepImage", [true, false], ["yes"]],
    [docker, "more", [], [1]],
    [{ kind: "builder" }, "gpu", [true, false], ["all", 1]],
    [
      { kind: "builder", gpu: true },
      "frontend",
      [`docker/dockerfile@sha256:${"a".repeat(64)}`, `r.test:5000/f:1.27@sha256:${"0".repeat(64)}`],
      [
        "docker/dockerfile:1.27",
        `@sha256:${"a".repeat(64)}`,
        `a b@sha256:${"a".repeat(64)}`,
        `a@sha256:${"a".repeat(65)}`,
      ],
    ],
    [{ kind: "builder" }, "more", [], [1]],
    [ssh, "address", ["gpu.example.org", "10.0.0.1", "fe80::1", "a_b-c"], ["", "a b", " a", "a ", "u@h"]],
    [ssh, "port", [1, 65_535], [0, 65_536, 22.5]],
    [ssh, "user", ["a", "ubuntu"], [""]],
    [ssh, "privateKey", ["k", "key"], [""]],
    [ssh, "dollarsPerHour", [0, 1.5], [-1]],
    [ssh, "hostKey", [KEY, `SHA256:${"a".repeat(43)}`], ["", "SHA256:abc", "ssh-ed25519 short"]],
    [ssh, "more", [], [1]],
    [aws, "region", ["us-gov-west-1"], ["us-east-", "us-east-12", "xus-east-1", "us-1", "US-east-1"]],
    [aws, "profile", ["a", "prod"], [""]],
    [aws, "capability", ["8.9"], ["8.8", 8.9]],
    [aws, "instances", [["g6.xlarge"], ["a", "b"]], [[]]],
    [aws, "prices", [{ "g6.xlarge": 0.1 }, {}], [{ "g6.xlarge": 0 }]],
    [aws, "subnets", [["subnet-0a"], []], [["subnet-"], ["xsubnet-0a"], ["subnet-0g"], ["subnet-0a "]]],
    [aws, "ami", ["ami-0a"], ["ami-", "xami-0a", "ami-0g", "ami-0a "]],
    [aws, "more", [], [1]],
  ];
  for (const [host, key, right, wrong] of cases) {
    for (const value of right) assert.ok(accepts({ ...host, [key]: value }), `${key} ${value}`);
    for (const value of wrong) assert.ok(!accepts({ ...host, [key]: value }), `${key} ${value}`);
  }
  assert.deepEqual(hostSetting.parse(undefined), [{ kind: "builder" }]);
  assert.ok(!accepts({ kind: "ssh", address: "a" }), "a host without a key could be anybody");
});

test("a budget has bounds, and five dollars and three quarters of an hour where nobody says", () => {
  assert.deepEqual(budgetSetting.parse(undefined), { dollars: 5, minutes: 45 });
  assert.deepEqual(budgetSetting.parse({ dollars: 0, minutes: 600 }), { dollars: 0, minutes: 600 });
  for (const wrong of [{ dollars: -1 }, { minutes: 0 }, { minutes: 601 }, { more: 1 }])
    assert.ok(!budgetSetting.safeParse(wrong).success, JSON.stringify(wrong));
});

test("a host key is found behind any name and space, and its padding is nobody's business", () => {
  const [type = "", key = ""] = KEY.split(" ");
  const given = Buffer.from(key, "base64");
  for (const text of [`host ${type}   ${key}`, `a\n\t${type} ${key}==`, `x\n${KEY} comment\ny`])
    assert.ok(parseHostKeys(text)?.accepts(given), text);
  for (const kind of ["ecdsa-sha2-nistp256", "sk-ssh-ed25519@openssh.com"])
    assert.deepEqual(parseHostKeys(`${kind} ${key}`)?.types, [kind]);
  assert.deepEqual(parseHostKeys(`${KEY}\n${KEY}`)?.types, [type]);
  for (const text of ["", `xssh-ed25519 ${key}`, `${type} BBBB${key}`, "SHA256:short"])
    assert.equal(parseHostKeys(text), undefined, text);
});

test("hosts that are too small for the models in an image are refused before anything is built", () => {
  const GIB = 2 ** 30;
  const need = { gpu: 17 * GIB, ram: 35 * GIB };
  const told = (
    host: unknown,
    generationName: Parameters<typeof generation>[0],
    budget = { dollars: 5, minutes: 45 },
  ) =>
    memoryProblems(parse(host, generationName).host, generation(generationName), budget, need).map(
      ({ path, problem }) => `${path}: ${problem}`,
    );
  assert.deepEqual(told(aws, "turing"), [
    "strata:host: the image's own workflow needs a card of 17 GiB and 35 GiB of memory, which g4dn.xlarge, g4dn.2xlarge cannot give.",
  ]);
  assert.deepEqual(told([ssh, { ...aws, instances: ["g6.xlarge"] }], "ada"), [
    "strata:host.1: the image's own workflow needs a card of 17 GiB and 35 GiB of memory, which g6.xlarge cannot give.",
  ]);
  assert.deepEqual(told(aws, "ada"), []);
  assert.deepEqual(told({ ...aws, instances: ["g6.4xlarge"] }, "ada"), []);
  assert.deepEqual(told(aws, "ada", { dollars: 0.5, minutes: 45 }), [
    "strata:host: a test on g6e.2xlarge takes about 20 minutes, $0.75; the budget is $0.50.",
  ]);
  assert.deepEqual(
    memoryProblems(parse(aws, "turing").host, generation("turing"), { dollars: 5, minutes: 45 }, undefined),
    [],
  );
});
