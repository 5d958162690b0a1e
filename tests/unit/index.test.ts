/** The real program, `index.ts`, under mocks: what it registers for the recipe starter, and what it exports. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import * as pulumi from "@pulumi/pulumi";
import type { GenerationName } from "../../lib/gpu/generations.ts";
import type { ScreenOutput } from "../../lib/state/screen.ts";
import { awsCalls } from "../support/aws.ts";
import {
  type Answers,
  type Calls,
  inClear,
  type Recording,
  type RecordOptions,
  record,
  resolved,
} from "../support/mocks.ts";
import { type FakeRegistry, REPOSITORY, startFakeRegistry } from "./oci/support/fake-registry.ts";

const image = "docker-build:index:Image";
const stage = "strata:index:ImageStage";
const product = "strata:index:ProductImage";
const command = "command:local:Command";

/** The stages of starter with their parents: what the program has to make of the recipe. */
const graph: Readonly<Record<string, readonly string[]>> = {
  interpreter: [],
  toolbox: [],
  "llama-source": ["toolbox"],
  system: [],
  cuda: ["toolbox"],
  python: ["toolbox"],
  torch: ["toolbox", "cuda"],
  attention: ["toolbox", "cuda", "torch"],
  backend: ["toolbox"],
  verify: ["toolbox", "system", "cuda", "python", "torch", "attention", "backend"],
  "llama-cpp": ["toolbox", "llama-source"],
  "counting-model": ["toolbox"],
  runtime: ["interpreter"],
};
const productLayers = "system cuda llama-cpp python torch attention backend counting-model runtime".split(
  " ",
);
const resourceName = (name: string): string => (name === "starter" ? name : `starter-${name}`);

let folder: string;
let registry: FakeRegistry;
before(async () => {
  folder = mkdtempSync(join(tmpdir(), "strata-test-"));
  registry = await startFakeRegistry();
  writeFileSync(join(folder, "services.json"), JSON.stringify({ registry: { address: registry.host } }));
  writeFileSync(join(folder, "company.pem"), "A COMPANY'S CERTIFICATE");
  process.env.STRATA_HOME = folder;
  // Labels must not change because somebody commits while the tests run.
  process.env.GIT_DIR = join(folder, "no-repository");
  process.env.SOURCE_DATE_EPOCH = "1767225600";
  for (const name of ["STRATA_RECIPE", "STRATA_GENERATION", "STRATA_PART", "GITHUB_TOKEN"])
    delete process.env[name];
});
after(async () => {
  await registry[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

/** What a stage registers in the state of its stack. */
interface RegisteredStage {
  readonly role: string;
  readonly key: string;
  readonly digest: pulumi.Output<string>;
  readonly reference: pulumi.Output<string>;
  readonly compressedSize: pulumi.Output<number | undefined>;
  readonly inputs: Readonly<Record<string, string>>;
}

type Exports = { readonly [name in ScreenOutput]: pulumi.Output<unknown> };

interface Run {
  readonly recording: Recording;
  readonly exported: Exports;
  readonly stages: Readonly<Record<string, RegisteredStage>>;
  /** Digest of each image as the registry has it; empty in a preview. */
  readonly digests: ReadonlyMap<string, string>;
}

let runs = 0;

/** Runs index.ts anew. In an update every image is one that the registry has; a preview builds nothing. */
async function run(
  config: Readonly<Record<string, string>> = {},
  {
    preview = false,
    evidence = "",
    calls = {},
  }: { preview?: boolean; evidence?: string; calls?: object } = {},
): Promise<Run> {
  pulumi.runtime.setAllConfig({
    "strata:registry": JSON.stringify({ kind: "local", repository: REPOSITORY }),
    "strata:certificates": "none",
    ...config,
  });
  const digests = new Map<string, string>();
  const push = (name: string): object => {
    const bytes = Buffer.from(`layer of ${name}`);
    const { digest } = registry.image(name, [{ mediaType: "application/vnd.oci.image.layer.v1.tar", bytes }]);
    digests.set(name, digest);
    return { digest };
  };
  const pushed = (name: string) => {
    push(name);
    return `${registry.host}/${REPOSITORY}@${digests.get(name)}\n`;
  };
  const answers: Answers = {
    ...(preview ? {} : { [image]: push }),
    [command]: (name: string) => {
      // What an engine does not know yet is open in a preview.
      if (name === "starter") return preview ? { stdout: undefined } : { stdout: pushed(name) };
      return { stdout: name === "starter-smoke" ? evidence : "registry/image:tag\n" };
    },
  };
  let exported: Exports | undefined;
  const recording = await record(
    async () => {
      exported = (await import(`../../index.ts?run=${runs++}`)).default as Exports;
    },
    { preview, answers, calls: calls as RecordOptions["calls"] & object },
  );
  assert.ok(exported);
  const stages = Object.fromEntries(
    [...Object.keys(graph), "starter"].map((name) => [
      name,
      recording.registered(
        name === "starter" ? product : stage,
        resourceName(name),
      ) as unknown as RegisteredStage,
    ]),
  );
  return { recording, exported, digests, stages };
}

/** Whether a preview knows an output; what an update will make it does not. */
const isKnown = (output: pulumi.Output<unknown>) =>
  (output as unknown as { isKnown: Promise<boolean> }).isKnown;

/** `type name < parent`, sorted. */
function shape({ registrations }: Recording): string[] {
  return registrations.map(({ type, name, parent }) => `${type} ${name} < ${parent ?? "stack"}`).sort();
}

const keysOf = ({ stages }: Run): Record<string, string> =>
  Object.fromEntries(Object.entries(stages).map(([name, { key }]) => [name, key]));

/** Which stages an image starts from, as its named contexts say. */
function parentsOf({ recording, digests }: Run, name: string): Record<string, string> {
  const { context } = recording.only(image, resourceName(name)).inputs as {
    context: { named: Record<string, { location: string }> };
  };
  const byLocation = new Map(
    [...digests].map(([resource, digest]) => [
      `docker-image://${registry.host}/${REPOSITORY}@${digest}`,
      resource,
    ]),
  );
  return Object.fromEntries(
    Object.entries(context.named).map(([key, { location }]) => [key, byLocation.get(location) ?? location]),
  );
}

test("no stack trace is mapped back to sources: what runs is the source", async (t) => {
  // As `source-map-support`, which Pulumi's runner of programs registers.
  let mapped = 0;
  Error.prepareStackTrace = (error) => {
    mapped++;
    return String(error);
  };
  t.after(() => Reflect.deleteProperty(Error, "prepareStackTrace"));
  await run();
  const before = mapped;
  assert.match(new Error("here").stack ?? "", /^Error: here\n +at .*index\.test\.ts/);
  assert.equal(mapped, before);
});

test("starter registers one registry, one product, its stages with one image each, a test and a promotion", async () => {
  const { recording } = await run();
  assert.deepEqual(
    shape(recording),
    [
      "strata:index:LocalRegistry registry < stack",
      "strata:index:LayeredImage starter < stack",
      ...Object.keys(graph).flatMap((name) => [
        `${stage} ${resourceName(name)} < starter`,
        `${image} ${resourceName(name)} < ${resourceName(name)}`,
      ]),
      `${product} starter < starter`,
      `${command} starter < starter`,
      "strata:index:SmokeTest starter-smoke < stack",
      `${command} starter-smoke < starter-smoke`,
      "strata:index:Attestation starter-attestation < stack",
      `${command} starter-attestation < starter-attestation`,
      "strata:index:Promotion starter-promotion < stack",
      `${command} starter-promotion < starter-promotion`,
    ].sort(),
  );
});

test("every stage starts from its parents' digests, the first ones from the base by digest", async () => {
  const made = await run();
  for (const [name, parents] of Object.entries(graph)) {
    const expected = Object.fromEntries(parents.map((parent) => [parent, resourceName(parent)]));
    if (parents.length > 0) assert.deepEqual(parentsOf(made, name), expected, name);
    else {
      const { base, ...others } = parentsOf(made, name);
      assert.match(
        base ?? "",
        /^docker-image:\/\/docker\.io\/library\/debian:bookworm-slim@sha256:[0-9a-f]{64}$/,
      );
      assert.deepEqual(others, {}, name);
    }
  }
  const { environment } = made.recording.only(command, "starter").inputs as {
    environment: Record<string, string>;
  };
  assert.deepEqual(
    Object.entries(JSON.parse(environment.STRATA_PARTS ?? "")),
    productLayers.map((name) => [
      name,
      `${registry.host}/${REPOSITORY}@${made.digests.get(resourceName(name))}`,
    ]),
  );
});

test("with a GPU llama-cpp is linked to the cuda stage, and nothing else of the graph changes", async () => {
  const [cpu, hopper] = [await run(), await run({ "strata:generation": "hopper" })];
  assert.deepEqual(shape(hopper.recording), shape(cpu.recording));
  const differing = Object.keys(graph).filter(
    (name) =>
      JSON.stringify(Object.keys(parentsOf(cpu, name))) !==
      JSON.stringify(Object.keys(parentsOf(hopper, name))),
  );
  assert.deepEqual(differing, ["llama-cpp"]);
  assert.deepEqual(parentsOf(hopper, "llama-cpp"), {
    toolbox: "starter-toolbox",
    cuda: "starter-cuda",
    "llama-source": "starter-llama-source",
  });
});

test("generations share all stages but llama-cpp, the runtime's description and the product", async () => {
  const made: Record<string, Record<string, string>> = {};
  for (const generation of ["cpu", "ada", "hopper"] satisfies GenerationName[]) {
    made[generation] = keysOf(await run({ "strata:generation": generation }));
  }
  const { cpu = {}, ada = {}, hopper = {} } = made;
  for (const [one, other] of [
    [cpu, ada],
    [cpu, hopper],
    [ada, hopper],
  ] as const) {
    assert.deepEqual(Object.keys(one).sort(), [...Object.keys(graph), "starter"].sort());
    const differing = Object.keys(one).filter((name) => one[name] !== other[name]);
    assert.deepEqual(differing.sort(), ["llama-cpp", "runtime", "starter"]);
  }
});

test("an image's tag holds its key, and its context is a folder of that key in the home", async () => {
  const made = await run();
  const { starter, ...keys } = keysOf(made);
  const { environment } = made.recording.only(command, "starter").inputs as {
    environment: Record<string, string>;
  };
  assert.equal(environment.STRATA_TARGET, `${registry.host}/${REPOSITORY}:product-starter-${starter}`);
  for (const [name, key] of Object.entries(keys)) {
    const { inputs } = made.recording.only(image, resourceName(name));
    const [{ raw }] = inputs.exports as [{ raw: string }];
    assert.ok(raw.includes(`name=${registry.host}/${REPOSITORY}:stage-${name}-${key},`), raw);
    const { location } = inputs.context as { location: string };
    assert.ok(!location.startsWith("/"), "a path of this machine must not become part of the state");
    assert.ok(location.endsWith(`contexts/${name}-${key}`), location);
  }
});

test("the stack exports a screen: the image, its size and tags, evidence in a line, how to run it", async () => {
  const findings = { verdict: "pass", checks: [{ status: "pass" }, { status: "pass" }, { status: "skip" }] };
  const { exported, digests } = await run({}, { evidence: JSON.stringify(findings) });
  const shown = await Promise.all(
    Object.entries(exported).map(async ([name, value]) => [name, await resolved(pulumi.output(value))]),
  );
  const reference = `${registry.host}/${REPOSITORY}@${digests.get("starter")}`;
  assert.deepEqual(Object.fromEntries(shown), {
    recipe: "starter",
    image: reference,
    digest: digests.get("starter"),
    size: "53 B compressed",
    tags: ["registry/image:tag"],
    evidence: "pass: 2 passed, 1 skipped",
    run: `docker run --rm -p 8080:8080 -p 8000:8000 ${reference}`,
  });
});

test("every stage registers what it is made of, and how large it came out", async () => {
  const { stages, digests } = await run();
  for (const [name, found] of Object.entries(stages)) {
    assert.deepEqual(
      Object.keys(found).sort(),
      ["compressedSize", "digest", "inputs", "key", "reference", "role"],
      name,
    );
    assert.equal(found.role === "product", name === "starter", `${name} ${found.role}`);
    assert.match(found.key, /^[0-9a-f]{20}$/);
    const digest = digests.get(resourceName(name));
    assert.equal(await resolved(found.digest), digest, name);
    assert.equal(await resolved(found.reference), `${registry.host}/${REPOSITORY}@${digest}`);
    const configuration = JSON.stringify({ architecture: "amd64", os: "linux" }).length;
    const size = Buffer.byteLength(`layer of ${resourceName(name)}`) + configuration;
    assert.equal(await resolved(found.compressedSize), size, name);
    const parents = Object.keys(found.inputs).filter((input) => input.startsWith("parent:"));
    const expected = name === "starter" ? productLayers : graph[name];
    assert.deepEqual(parents.sort(), expected?.map((parent) => `parent:${parent}`).sort(), name);
  }
});

test("without evidence there is none, rather than an error", async () => {
  const { exported } = await run();
  assert.equal(await resolved(exported.evidence), "none");
});

test("a product for GPUs is run with them", async () => {
  const { exported } = await run({ "strata:generation": "ada" });
  assert.match(String(await resolved(exported.run)), /^docker run --rm --gpus all -p 8080:8080 /);
});

test("the test and the promotion are about the product's digest; tags are those of the recipe", async () => {
  const { recording, digests } = await run(
    { "strata:generation": "ada" },
    { evidence: '{"verdict":"pass","checks":[]}' },
  );
  const reference = `${registry.host}/${REPOSITORY}@${digests.get("starter")}`;
  const smoke = recording.only(command, "starter-smoke").inputs;
  const [about, checks] = smoke.triggers as string[];
  assert.deepEqual(smoke.environment, {
    STRATA_REFERENCE: reference,
    STRATA_RECIPE: "starter",
    STRATA_GENERATION: "ada",
    STRATA_CHECKS: checks,
    STRATA_BUILDER: "strata",
    STRATA_TEST: JSON.stringify({
      computeCapabilities: ["8.9"],
      minimumDriver: "580.65.06",
      budget: { dollars: 5, minutes: 45 },
      hosts: [{ kind: "builder" }],
    }),
  });
  assert.equal(about, reference);
  assert.match(checks ?? "", /^[0-9a-f]{20}$/);
  const promotion = recording.only(command, "starter-promotion").inputs;
  const promotes = {
    STRATA_REFERENCE: reference,
    STRATA_TAGS: "starter-ada",
    STRATA_ATTACHED: "registry/image:tag",
    STRATA_CHECKS: checks,
    STRATA_MAX_AGE_DAYS: "30",
    // No host with a GPU is configured, so the builder's word has to do.
    STRATA_EVIDENCE_HOST: "any",
  };
  assert.deepEqual(promotion.environment, promotes);
  assert.deepEqual(promotion.triggers, [reference, "starter-ada", "registry/image:tag"]);
  assert.equal(promotion.stdin, '{"verdict":"pass","checks":[]}');
});

test("preview and update register the same resources, and a preview needs no image", async () => {
  const [preview, update] = [await run({}, { preview: true }), await run()];
  assert.deepEqual(shape(preview.recording), shape(update.recording));
  assert.deepEqual(keysOf(preview), keysOf(update));
  const { image: reference, size } = preview.exported;
  assert.deepEqual(await Promise.all([reference, size].map(isKnown)), [false, false]);
});

test("the same program runs again to the same registrations", async () => {
  const [one, other] = [await run(), await run()];
  const sorted = ({ recording }: Run) =>
    [...recording.registrations].sort((a, b) => (a.type + a.name < b.type + b.name ? -1 : 1));
  assert.deepEqual(sorted(one), sorted(other));
});

test("certificates reach every build as a secret and nothing in clear", async () => {
  const { recording } = await run({ "strata:certificates": join(folder, "company.pem") });
  for (const { name, inputs } of recording.of(image)) {
    assert.deepEqual(inputs.secrets, { secret: { ca: "A COMPANY'S CERTIFICATE" } }, name);
  }
  assert.ok(!inClear(recording.registrations).includes("CERTIFICATE"));
});

const ecrToken = {
  "aws:ecr/getAuthorizationToken:getAuthorizationToken": {
    password: "token-of-today",
    expiresAt: "2099-01-01T00:00:00Z",
  },
};

test("a stack on ECR: the repository, tags that keep its stages, and a token that is nowhere in clear", async () => {
  const setting = { kind: "ecr", account: "123456789012", region: "eu-central-1", repository: "strata" };
  const config = { "strata:registry": JSON.stringify(setting) };
  const [preview, other] = [
    await run(config, { preview: true, calls: ecrToken }),
    await run({}, { preview: true }),
  ];
  const added = shape(preview.recording).filter((entry) => !shape(other.recording).includes(entry));
  assert.deepEqual(added, [
    "aws:ecr/lifecyclePolicy:LifecyclePolicy registry < registry",
    "aws:ecr/repository:Repository registry < registry",
    "command:local:Command registry-kept < registry-kept",
    "command:local:Command starter-kept < starter-kept",
    "pulumi:providers:aws registry < registry",
    "strata:index:EcrRegistry registry < stack",
    "strata:index:KeptEvidence registry-kept < registry",
    "strata:index:KeptStages starter-kept < stack",
  ]);
  const kept = preview.recording.only(command, "starter-kept").inputs.environment as Record<string, string>;
  const tags = Object.keys(JSON.parse(kept.STRATA_DIGESTS ?? ""));
  assert.deepEqual(
    tags,
    Object.keys(graph).map((name) => `keep-test-${name}`),
  );
  const { key } = preview.stages.starter ?? {};
  const host = "123456789012.dkr.ecr.eu-central-1.amazonaws.com";
  const work = preview.recording.only(command, "starter").inputs.environment as Record<string, string>;
  assert.equal(work.STRATA_TARGET, `${host}/strata:product-starter-${key}`);
  assert.ok(!inClear(preview.recording.registrations).includes("token-of-today"));
});

test("a stack that is tested on EC2: its instances may pull from the stack's own repository alone", async () => {
  const ecr = { kind: "ecr", account: "123456789012", region: "eu-central-1", repository: "team/strata" };
  const config = {
    "strata:generation": "ada",
    "strata:registry": JSON.stringify(ecr),
    "strata:host": JSON.stringify({ kind: "aws", region: "eu-central-1" }),
  };
  const { recording } = await run(config, { preview: true, calls: { ...awsCalls, ...ecrToken } });
  assert.equal(recording.only("strata:index:AwsHost").name, "starter-host");
  const policy = recording.only("aws:iam/rolePolicy:RolePolicy", "starter-host").inputs.policy;
  const { Statement } = JSON.parse(String(policy));
  assert.equal(Statement.at(-1).Resource, "arn:aws:ecr:eu-central-1:123456789012:repository/team/strata");
  const { environment } = recording.only(command, "starter-promotion").inputs as {
    environment: Record<string, string>;
  };
  assert.equal(environment.STRATA_EVIDENCE_HOST, "gpu");
});

test("a preview asks AWS for what the documents say that its role needs, and for no more", async () => {
  const asked: string[] = [];
  const noting = (calls: Calls): Calls =>
    Object.fromEntries(
      Object.entries(calls).map(([name, answer]) => [
        name,
        (args: Record<string, unknown>) => {
          asked.push(name);
          return typeof answer === "function" ? answer(args) : answer;
        },
      ]),
    );
  const ecr = { kind: "ecr", account: "123456789012", region: "eu-central-1", repository: "team/strata" };
  const config = {
    "strata:generation": "ada",
    "strata:registry": JSON.stringify(ecr),
    "strata:host": JSON.stringify({ kind: "aws", region: "eu-central-1" }),
  };
  // Any other function of a provider throws.
  await run(config, { preview: true, calls: noting({ ...awsCalls, ...ecrToken }) });
  const permission: Readonly<Record<string, string>> = {
    "aws:ecr/getAuthorizationToken:getAuthorizationToken": "ecr:GetAuthorizationToken",
    "aws:ec2/getSubnets:getSubnets": "ec2:DescribeSubnets",
    "aws:ec2/getSubnet:getSubnet": "ec2:DescribeSubnets",
  };
  assert.deepEqual([...new Set(asked)].sort(), Object.keys(permission).sort());
  const page = readFileSync(new URL("../../docs/continuous-integration.md", import.meta.url), "utf8");
  const [role = ""] = /^\| `AWS_PREVIEW_ROLE` +\| `repo:.*$/m.exec(page) ?? [];
  const told = [...role.matchAll(/`((?:ecr|ec2|iam|ssm|scheduler|sts):\w+)`/g)].map(([, name]) => name);
  assert.deepEqual(new Set(told), new Set(Object.values(permission)));
});

test("a stack on GHCR: its login for every image, the token open in a preview and nowhere in clear", async (t) => {
  process.env.GITHUB_TOKEN = "ghs_of-the-job";
  t.after(() => delete process.env.GITHUB_TOKEN);
  const setting = { kind: "ghcr", owner: "acme", repository: "strata" };
  const { recording } = await run({ "strata:registry": JSON.stringify(setting) }, { preview: true });
  for (const { name, inputs } of recording.of(image)) {
    const expected = [{ address: "ghcr.io", username: "acme", password: { __pulumiUnknown: true } }];
    assert.deepEqual(inputs.registries, expected, name);
  }
  assert.ok(!inClear(recording.registrations).includes("ghs_of"));
  assert.deepEqual(recording.of("strata:index:KeptStages"), []);
});

test("copies: each registry gets the tested product, its working tag and its tags, by the same evidence", async () => {
  const copies = [
    { kind: "oci", address: "reg.example:5443", repository: "team/strata" },
    { kind: "local", repository: "second" },
  ];
  const config = {
    "strata:copies": JSON.stringify(copies),
    "strata:evidence": '{"host":"gpu","maxAgeDays":7}',
  };
  const evidence = '{"verdict":"pass","checks":[]}';
  const { recording, exported, digests, stages } = await run(config, { evidence });
  assert.deepEqual(await resolved(exported.copies), ["registry/image:tag", "registry/image:tag"]);
  const key = stages.starter?.key;
  for (const [name, target] of [
    ["starter-copy-1", "reg.example:5443/team/strata"],
    ["starter-copy-2", `${registry.host}/second`],
  ] as const) {
    const { inputs, parent } = recording.only(command, name);
    const { environment, stdin } = inputs;
    assert.equal(parent, name);
    assert.equal(stdin, evidence);
    assert.deepEqual(environment, {
      ...(recording.only(command, "starter-promotion").inputs.environment as object),
      STRATA_TARGET: target,
      STRATA_PRODUCT_TAG: `product-starter-${key}`,
    });
  }
  assert.deepEqual(
    shape(recording).filter((entry) => entry.includes("Registry")),
    [
      "strata:index:LocalRegistry copy-2 < stack",
      "strata:index:LocalRegistry registry < stack",
      "strata:index:OciRegistry copy-1 < stack",
    ],
  );
  const { environment } = recording.only(command, "starter-promotion").inputs;
  const { STRATA_EVIDENCE_HOST, STRATA_MAX_AGE_DAYS, STRATA_REFERENCE } = environment as Record<
    string,
    string
  >;
  assert.deepEqual([STRATA_EVIDENCE_HOST, STRATA_MAX_AGE_DAYS], ["gpu", "7"]);
  assert.equal(STRATA_REFERENCE, `${registry.host}/${REPOSITORY}@${digests.get("starter")}`);
});

test("a part: the same registrations, as the update is targeted; what others registered and the screen stay", async (t) => {
  const file = join(folder, "part.json");
  const outputs = { recipe: "starter", image: "i", evidence: "pass: 1 passed" };
  const former = { key: "old", inputs: { "file:x": "1" } };
  writeFileSync(
    file,
    JSON.stringify({
      stages: ["toolbox", "cuda"],
      registered: { cuda: former, torch: { ...former, role: "stage", digest: "d", bytes: 1 } },
      outputs,
    }),
  );
  const whole = await run();
  process.env.STRATA_PART = file;
  t.after(() => delete process.env.STRATA_PART);
  const { recording, exported, stages, digests } = await run();
  assert.deepEqual(shape(recording), shape(whole.recording));
  assert.deepEqual(exported, outputs);
  const { cuda, torch, python } = stages;
  assert.ok(cuda && torch && python);
  assert.equal(cuda.key, whole.stages.cuda?.key);
  assert.equal(await resolved(cuda.digest), digests.get("starter-cuda"));
  assert.deepEqual([torch.key, torch.inputs, torch.role], ["old", { "file:x": "1" }, "stage"]);
  assert.equal(await resolved(torch.digest), digests.get("starter-torch"));
  assert.equal(python.key, whole.stages.python?.key, "nothing is known of it");
});

test("a mistake in the configuration ends the program before anything is registered", async () => {
  pulumi.runtime.setAllConfig({ "strata:generation": "adda" });
  const { registrations } = await record(() =>
    assert.rejects(import(`../../index.ts?run=${runs++}`), /strata:generation: .*Did you mean "ada"\?/),
  );
  assert.deepEqual(registrations, []);
});

test("a secret where a stage would show it ends the program as well", async (t) => {
  pulumi.runtime.setAllConfig({ "strata:mirrors": '{"https://a/":"https://b/"}' });
  // As the language host sets it.
  process.env.PULUMI_CONFIG_SECRET_KEYS = '["strata:mirrors"]';
  t.after(() => delete process.env.PULUMI_CONFIG_SECRET_KEYS);
  const { registrations } = await record(() =>
    assert.rejects(import(`../../index.ts?run=${runs++}`), /strata:mirrors: is a secret, but becomes part/),
  );
  assert.deepEqual(registrations, []);
});

test("a secret under the empty passphrase ends it, whoever started Pulumi", async (t) => {
  pulumi.runtime.setAllConfig({ "strata:copies": "[]" });
  process.env.PULUMI_CONFIG_SECRET_KEYS = '["strata:copies"]';
  t.after(() => delete process.env.PULUMI_CONFIG_SECRET_KEYS);
  // Pulumi.dev.yaml, which is in the repository, has the salt of the empty passphrase.
  const { registrations } = await record(
    () =>
      assert.rejects(
        import(`../../index.ts?run=${runs++}`),
        /stack dev: strata:copies: encrypted with the empty passphrase/,
      ),
    { stack: "dev" },
  );
  assert.deepEqual(registrations, []);
});
