/** Each kind of registry: what it registers, what builders get of its login, and what is kept for the tools. */
import assert from "node:assert/strict";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import * as pulumi from "@pulumi/pulumi";
import { openRegistry, type RegistryContext } from "../../../../components/registry/open-registry.ts";
import type { Registry } from "../../../../components/registry/registry.ts";
import { ecrLifecyclePolicy } from "../../../../lib/registry/ecr-lifecycle.ts";
import { type RegistrySetting, registrySetting } from "../../../../lib/registry/registry-setting.ts";
import { keepLogin, keptLogin, loginFolder } from "../../../../oci/access/logins.ts";
import { inClear, type RecordOptions, record, resolved } from "../../../support/mocks.ts";
import { temporaryFolder } from "../../support/folder.ts";

const token = "aws:ecr/getAuthorizationToken:getAuthorizationToken";
const today = { password: "token-of-today", expiresAt: "2099-01-01T00:00:00Z" };
const ecrHost = "123456789012.dkr.ecr.eu-central-1.amazonaws.com";
const ecr = registrySetting.parse({
  kind: "ecr",
  account: "123456789012",
  region: "eu-central-1",
  repository: "team/strata",
});
const ghcr: RegistrySetting = { kind: "ghcr", owner: "acme", repository: "strata" };
const oci: RegistrySetting = { kind: "oci", address: "reg.example:5443", repository: "team/strata" };

async function open(
  t: TestContext,
  setting: RegistrySetting,
  context: Partial<RegistryContext> = {},
  options: RecordOptions = {},
) {
  const logins = join(temporaryFolder(t), "logins");
  // No login of this machine plays a part.
  const before = process.env.DOCKER_CONFIG;
  process.env.DOCKER_CONFIG ??= logins;
  t.after(() => (before === undefined ? delete process.env.DOCKER_CONFIG : undefined));
  let made: Registry | undefined;
  const recording = await record(
    async () => {
      made = await openRegistry("registry", setting, { localAddress: "127.0.0.1:5000", logins, ...context });
      // As an image takes it.
      const { repository, logins: forBuilder } = made;
      new Taker("taker", { repository, registries: [...forBuilder] });
    },
    { calls: { [token]: today }, ...options },
  );
  assert.ok(made);
  return { made, recording, logins };
}

class Taker extends pulumi.CustomResource {
  constructor(name: string, inputs: pulumi.Inputs, options?: pulumi.CustomResourceOptions) {
    super("test:index:Taker", name, inputs, options);
  }
}

/** As the mocked engine gets a value that a preview does not know. */
const unknown = { __pulumiUnknown: true };
const taken = ({ recording }: Awaited<ReturnType<typeof open>>) =>
  recording.only("test:index:Taker").inputs as Record<string, unknown>;
const own = ({ recording }: Awaited<ReturnType<typeof open>>) =>
  recording.registrations.filter(({ type }) => type !== "test:index:Taker");

test("ghcr: a repository of its owner; the token is a secret, and its user the same for everybody", async (t) => {
  const opened = await open(t, ghcr, { password: "ghp_secret" });
  assert.deepEqual(own(opened), [
    { type: "strata:index:GhcrRegistry", name: "registry", inputs: {}, parent: undefined },
  ]);
  assert.equal(await resolved(opened.made.repository), "ghcr.io/acme/strata");
  assert.equal(opened.made.removesOldStages, false);
  assert.deepEqual(taken(opened), {
    repository: "ghcr.io/acme/strata",
    registries: { secret: [{ address: "ghcr.io", username: "acme", password: "ghp_secret" }] },
  });
  assert.ok(!inClear(opened.recording.registrations).includes("ghp_secret"));
});

test("docker-hub: the namespace's user, or another who pushes there; the address that the provider and our tools know it by", async (t) => {
  const hub: RegistrySetting = { kind: "docker-hub", namespace: "acme", repository: "strata" };
  const opened = await open(t, hub, { password: "dckr_pat_secret" });
  assert.equal(await resolved(opened.made.repository), "docker.io/acme/strata");
  assert.deepEqual(taken(opened).registries, {
    secret: [{ address: "docker.io", username: "acme", password: "dckr_pat_secret" }],
  });
  assert.deepEqual(await keptLogin(opened.logins, "docker.io"), {
    kind: "password",
    username: "acme",
    password: "dckr_pat_secret",
  });
  const other = await open(t, { ...hub, username: "robot" }, { password: "p" });
  assert.deepEqual(taken(other).registries, {
    secret: [{ address: "docker.io", username: "robot", password: "p" }],
  });
});

test("another user where the stack names one", async (t) => {
  const opened = await open(t, { ...ghcr, username: "robot" }, { password: "ghp_secret" });
  assert.deepEqual(taken(opened).registries, {
    secret: [{ address: "ghcr.io", username: "robot", password: "ghp_secret" }],
  });
});

test("a login is kept for the tools when the repository's name is there, for this user alone", async (t) => {
  const { made, logins } = await open(t, ghcr, { password: "ghp_secret" });
  await resolved(made.repository);
  assert.deepEqual(await keptLogin(logins, "ghcr.io"), {
    kind: "password",
    username: "acme",
    password: "ghp_secret",
  });
  const folder = loginFolder(logins, "ghcr.io");
  assert.equal(statSync(folder).mode & 0o777, 0o700);
  assert.equal(statSync(join(folder, "config.json")).mode & 0o777, 0o600);
});

test("without a password the one of `docker login` counts; the user stays", async (t) => {
  const docker = temporaryFolder(t);
  const auth = Buffer.from("somebody:from-docker").toString("base64");
  writeFileSync(join(docker, "config.json"), JSON.stringify({ auths: { "ghcr.io": { auth } } }));
  process.env.DOCKER_CONFIG = docker;
  t.after(() => delete process.env.DOCKER_CONFIG);
  assert.deepEqual(taken(await open(t, ghcr)).registries, {
    secret: [{ address: "ghcr.io", username: "acme", password: "from-docker" }],
  });
});

test("without any login a preview goes on, with the same shape, and an update says what to do", async (t) => {
  const preview = await open(t, ghcr, {}, { preview: true });
  assert.deepEqual(taken(preview), {
    repository: "ghcr.io/acme/strata",
    registries: [{ address: "ghcr.io", username: "acme", password: unknown }],
  });
  assert.equal(await keptLogin(preview.logins, "ghcr.io"), undefined);
  const { registrations } = await record(() =>
    assert.rejects(
      openRegistry("registry", ghcr, { localAddress: "", logins: preview.logins }),
      /^UserError: registry ghcr\.io: there is no password for it\. Log in with `docker login ghcr\.io`/,
    ),
  );
  assert.deepEqual(registrations, []);
});

test("a preview that knows no password leaves the login of the last update, and an update without one forgets it", async (t) => {
  const logins = join(temporaryFolder(t), "kept");
  await keepLogin(logins, "ghcr.io", { address: "ghcr.io", username: "acme", password: "x" });
  await open(t, ghcr, { logins }, { preview: true });
  assert.deepEqual(await keptLogin(logins, "ghcr.io"), { kind: "password", username: "acme", password: "x" });
  await open(t, ghcr, { logins, password: "" });
  assert.equal(await keptLogin(logins, "ghcr.io"), undefined);
});

test("oci: without a user nothing but an address; its authorities are kept", async (t) => {
  const opened = await open(t, oci, { ca: "PEM" });
  assert.deepEqual(own(opened), [
    { type: "strata:index:OciRegistry", name: "registry", inputs: {}, parent: undefined },
  ]);
  assert.deepEqual(taken(opened), { repository: "reg.example:5443/team/strata", registries: [] });
  const folder = loginFolder(opened.logins, "reg.example:5443");
  assert.equal(readFileSync(join(folder, "ca.pem"), "utf8"), "PEM");
  assert.ok(!existsSync(join(folder, "config.json")));
});

test("oci: a user with a password", async (t) => {
  const opened = await open(t, { ...oci, username: "ada" }, { password: "lovelace" });
  assert.deepEqual(taken(opened).registries, {
    secret: [{ address: "reg.example:5443", username: "ada", password: "lovelace" }],
  });
  assert.ok(!inClear(opened.recording.registrations).includes("lovelace"));
});

test("ecr: the repository is encrypted, scanned, and outlives the stack; only its account will do", async (t) => {
  const opened = await open(t, ecr);
  const parent = "registry";
  const policy = own(opened).find(({ type }) => type === "aws:ecr/lifecyclePolicy:LifecyclePolicy");
  assert.deepEqual(own(opened), [
    { type: "strata:index:EcrRegistry", name: "registry", inputs: {}, parent: undefined },
    {
      type: "pulumi:providers:aws",
      name: "registry",
      // The last two are the SDK's own.
      inputs: {
        region: "eu-central-1",
        allowedAccountIds: '["123456789012"]',
        skipCredentialsValidation: "false",
        skipRegionValidation: "true",
      },
      parent,
    },
    {
      type: "aws:ecr/repository:Repository",
      name: "registry",
      inputs: {
        name: "team/strata",
        imageTagMutability: "MUTABLE",
        encryptionConfigurations: [{ encryptionType: "AES256" }],
        imageScanningConfiguration: { scanOnPush: true },
      },
      parent,
    },
    { ...policy, name: "registry", parent },
  ]);
  assert.deepEqual(opened.recording.retained, [
    "aws:ecr/repository:Repository",
    "aws:ecr/lifecyclePolicy:LifecyclePolicy",
  ]);
  const { inputs } = opened.recording.only("aws:ecr/lifecyclePolicy:LifecyclePolicy");
  assert.deepEqual(inputs, {
    repository: "team/strata",
    policy: JSON.stringify(ecrLifecyclePolicy(30, false)),
  });
  assert.equal(opened.made.removesOldStages, true);
  assert.equal(await resolved(opened.made.repository), `${ecrHost}/team/strata`);
});

test("ecr: what has no tag is removed once everything that is needed has one, and not before", async (t) => {
  const order: string[] = [];
  const opened = await open(t, ecr, {
    beforeRemoval: (name, repository, options) => {
      assert.deepEqual(Object.keys(options), ["parent"]);
      repository.apply((host) => order.push(`${name} of ${host}`));
      return new Taker(name, { repository }, options);
    },
  });
  await resolved(opened.made.repository);
  assert.deepEqual(order, [`registry-kept of ${ecrHost}/team/strata`]);
  const { inputs } = opened.recording.only("aws:ecr/lifecyclePolicy:LifecyclePolicy");
  assert.equal(inputs.policy, JSON.stringify(ecrLifecyclePolicy(30, true)));
  const made = opened.recording.registrations.map(({ type, name }) => `${type} ${name}`);
  assert.ok(
    made.indexOf("test:index:Taker registry-kept") <
      made.indexOf("aws:ecr/lifecyclePolicy:LifecyclePolicy registry"),
    made.join(", "),
  );
});

test("ecr: the builder gets the token as a secret, the tools until it ends", async (t) => {
  const opened = await open(t, ecr);
  assert.deepEqual(taken(opened).registries, {
    secret: [{ address: ecrHost, username: "AWS", password: "token-of-today" }],
  });
  assert.ok(!inClear(opened.recording.registrations).includes("token-of-today"));
  assert.equal((await keptLogin(opened.logins, ecrHost))?.kind, "password");
  const over = await open(
    t,
    ecr,
    {},
    { calls: { [token]: { ...today, expiresAt: "2020-01-01T00:00:00Z" } } },
  );
  assert.equal(await keptLogin(over.logins, ecrHost), undefined);
});

test("ecr: a key of one's own, and a repository that is somebody else's to make", async (t) => {
  const kmsKey = "arn:aws:kms:eu-central-1:123456789012:key/1";
  const { recording } = await open(t, { ...ecr, kmsKey } as RegistrySetting);
  assert.deepEqual(recording.only("aws:ecr/repository:Repository").inputs.encryptionConfigurations, [
    { encryptionType: "KMS", kmsKey },
  ]);
  const shared = await open(t, { ...ecr, create: false } as RegistrySetting);
  assert.deepEqual(
    own(shared).map(({ type }) => type),
    ["strata:index:EcrRegistry", "pulumi:providers:aws"],
  );
  assert.equal(await resolved(shared.made.repository), `${ecrHost}/team/strata`);
});

test("preview and update register the same but for passwords, which a plan that was saved may not hold", async (t) => {
  for (const setting of [
    ecr,
    ghcr,
    { ...oci, username: "ada" },
    { kind: "local", repository: "x" },
  ] as const) {
    const shape = async (preview: boolean) => {
      const opened = await open(t, setting, { password: "p" }, { preview });
      const { repository, registries } = taken(opened);
      const inputs = (registries as { secret?: unknown }).secret ?? registries;
      const resources = opened.recording.registrations.map(({ type, name }) => `${type} ${name}`);
      return [resources, repository, inputs];
    };
    const password = setting.kind === "ecr" ? today.password : "p";
    const updated = JSON.stringify(await shape(false));
    assert.equal(updated.includes(`"${password}"`), setting.kind !== "local");
    const left = JSON.parse(updated.replaceAll(`"${password}"`, JSON.stringify(unknown)));
    assert.deepEqual(await shape(true), left, setting.kind);
  }
});
