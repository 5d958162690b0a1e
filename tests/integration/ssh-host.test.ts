/**
 * A host behind SSH, end to end: an sshd of our own on the loopback address, podman, an image of a few programs in a
 * registry, tools/steps/smoke-test.ts as the component runs it, and the promotion that follows.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { homeAt, repository } from "../../home.ts";
import { completeRun } from "../../lib/evidence/check-results.ts";
import type { Evidence, RunReport } from "../../lib/evidence/evidence.ts";
import { imageCheck } from "../../lib/evidence/image-results.ts";
import type { SshDescription, TestDescription } from "../../lib/hosts/description.ts";
import { historySchema } from "../../lib/preview/build-history.ts";
import { basic } from "../../oci/access/auth.ts";
import { keepLogin } from "../../oci/access/logins.ts";
import { checksKey, samplePromotionEnvironment } from "../support/evidence.ts";
import { type FakeRegistry, REPOSITORY, startFakeRegistry } from "../unit/oci/support/fake-registry.ts";
import { script } from "../unit/support/folder.ts";
import { clearPodman, makePodman, whyNoPodman } from "./support/podman.ts";
import { type Sshd, startSshd, whyNoSshd } from "./support/sshd.ts";
import { pushTinyImage, type TinyImage } from "./support/tiny-image.ts";

const skip = whyNoSshd() ?? whyNoPodman() ?? false;

const folder = mkdtempSync(join(tmpdir(), "strata-ssh-"));
const login = { username: "strata", password: "of-the-local-registry" };
let registry: FakeRegistry;
let sshd: Sshd;

let podman: string;
const listed = (...words: string[]) => execFileSync(podman, words).toString().trim();

before(async () => {
  if (skip) return;
  podman = makePodman(folder);
  registry = await startFakeRegistry();
  // As the local registry does: it tells nobody anything who has not the login that strata keeps.
  await keepLogin(homeAt(join(folder, "home")).logins, registry.host, { address: registry.host, ...login });
  registry.intercept = (request, response) => {
    const isKnown = request.headers.authorization === basic({ kind: "password", ...login });
    if (isKnown && request.url !== "/v2/") return false;
    response.writeHead(isKnown ? 200 : 401, { "www-authenticate": 'Basic realm="strata"' }).end("{}");
    return true;
  };
  sshd = await startSshd(join(folder, "sshd"), `${folder}/bin:${process.env.PATH}`);
});

after(async () => {
  if (!skip) {
    await sshd.stop();
    await registry[Symbol.asyncDispose]();
    clearPodman(folder);
  }
  rmSync(folder, { recursive: true, force: true });
});

/** Findings in which everything passed. */
const passed: RunReport = {
  schema: 3,
  verdict: "pass",
  // Too old evidence moves no tag.
  startedAt: new Date().toISOString(),
  seconds: 1,
  due: [...completeRun],
  checks: completeRun
    .filter((id) => id !== imageCheck)
    .map((id) => ({ id, title: id, status: "pass", seconds: 0 })),
  versions: { python: "3.11.2" },
  gpu: null,
  measurements: {},
};

let images = 0;
const push = (image: Partial<TinyImage> = {}) =>
  pushTinyImage(registry, `image-${images++}`, { checks: passed, ...image });

function description(changed: Partial<SshDescription> = {}): SshDescription {
  return {
    kind: "ssh",
    address: "127.0.0.1",
    port: sshd.port,
    user: sshd.user,
    hostKey: sshd.hostKey,
    engine: "podman",
    sudo: false,
    gpu: false,
    keepImage: false,
    ...changed,
  };
}

interface Ran {
  readonly code: number;
  readonly evidence: Evidence | undefined;
  readonly told: string;
}

/** Runs tools/steps/smoke-test.ts as the component SmokeTest does. */
function start(
  reference: string,
  hosts: readonly SshDescription[],
  { budget = { dollars: 1, minutes: 5 }, again = false } = {},
) {
  const order: TestDescription = {
    hosts: [...hosts],
    computeCapabilities: [],
    minimumDriver: "580.65.06",
    budget,
  };
  return execa(process.execPath, ["tools/steps/smoke-test.ts"], {
    cwd: repository,
    reject: false,
    env: {
      STRATA_HOME: join(folder, "home"),
      DOCKER_CONFIG: join(folder, "none"),
      STRATA_REFERENCE: reference,
      STRATA_RECIPE: "starter",
      STRATA_GENERATION: "cpu",
      STRATA_CHECKS: checksKey,
      ...(again ? { STRATA_RETEST: "1" } : {}),
      STRATA_BUILDER: "strata",
      STRATA_TEST: JSON.stringify(order),
      STRATA_KEYS: JSON.stringify(hosts.map(() => sshd.privateKey)),
    },
  });
}

async function smoke(...call: Parameters<typeof start>): Promise<Ran> {
  const { exitCode, stdout, stderr } = await start(...call);
  return { code: exitCode ?? -1, evidence: stdout ? JSON.parse(stdout) : undefined, told: stderr };
}

/** Resolves when the checks of a test run; throws where it ended before. */
async function begun(running: ReturnType<typeof start>): Promise<void> {
  const ended = running.then(({ stderr }) => {
    throw new Error(`it ended before it began:\n${stderr}`);
  });
  ended.catch(() => {});
  while (listed("ps", "--quiet") === "") await Promise.race([sleep(100), ended]);
}

/** Runs tools/steps/promotion.ts, as the component Promotion does, for the tag `stable`. */
async function promote(reference: string, evidence: string) {
  return await execa(process.execPath, ["tools/steps/promotion.ts"], {
    cwd: repository,
    reject: false,
    env: {
      STRATA_HOME: join(folder, "home"),
      DOCKER_CONFIG: join(folder, "none"),
      ...samplePromotionEnvironment(reference, "stable"),
    },
    input: evidence,
  });
}

function assertNothingIsLeft(): void {
  assert.equal(listed("ps", "--all", "--quiet"), "", "containers");
  assert.equal(listed("volume", "ls", "--quiet"), "", "volumes");
  assert.equal(listed("images", "--quiet"), "", "images");
}

test("an image is pulled by digest, tested and promoted, and nothing of it stays", { skip }, async () => {
  const reference = await push();
  const { code, evidence, told } = await smoke(reference, [description()]);
  assert.equal(code, 0, told);
  assert.ok(evidence);
  assert.equal(evidence.verdict, "pass");
  assert.equal(evidence.reference, reference);
  assert.deepEqual(evidence.host, { kind: "ssh", name: `127.0.0.1:${sshd.port}` });
  assert.equal(evidence.cost, null);
  assert.deepEqual(evidence.attempts, []);
  assert.ok((evidence.preparation.pullSeconds ?? 0) > 0);
  assert.ok((evidence.preparation.startSeconds ?? -1) >= 0);
  assert.deepEqual(
    evidence.checks.slice(-2).map(({ id, status }) => `${status} ${id}`),
    ["pass 90-container.stranger", "pass 90-container.restarts"],
  );
  assert.ok(evidence.due.includes("90-container"));
  assert.match(told, /^pass 30-torch$/m);
  assertNothingIsLeft();
  const { tests } = historySchema.parse(JSON.parse(readFileSync(join(folder, "home/history.json"), "utf8")));
  assert.deepEqual(
    tests?.map(({ recipe, kind, instance }) => [recipe, kind, instance]),
    [["starter", "ssh", null]],
  );

  const promotion = await promote(reference, JSON.stringify(evidence));
  assert.equal(promotion.exitCode, 0, promotion.stderr);
  assert.deepEqual(
    registry.content.get("manifests/stable"),
    registry.content.get(`manifests/${evidence.digest}`),
  );
});

test("a digest that passed is not tested again: its evidence is in the registry, and no host is asked", {
  skip,
}, async () => {
  const reference = await push();
  const first = await smoke(reference, [description()]);
  assert.equal(first.code, 0, first.told);
  const away = [description({ port: 1 })];
  const second = await smoke(reference, away);
  assert.equal(second.code, 0, second.told);
  assert.deepEqual(second.evidence, first.evidence);
  assert.match(second.told, /^smoke test: passed on /m);
  assert.equal((await smoke(reference, away, { again: true })).code, 1);
});

test("podman under Docker's name, as Debian's podman-docker has it, is asked what it is", {
  skip,
}, async () => {
  script(join(folder, "bin", "docker"), `echo 'Emulate Docker CLI using podman.' >&2\nexec ${podman} "$@"`);
  // The registry here speaks plain HTTP, which podman has to be told; Docker knows no such flag.
  const { code, evidence, told } = await smoke(await push(), [description({ engine: "docker" })]);
  assert.equal(code, 0, told);
  assert.equal(evidence?.verdict, "pass");
  assertNothingIsLeft();
});

test("an image that is kept is not pulled again", { skip }, async () => {
  const reference = await push();
  const hosts = [description({ keepImage: true })];
  const first = await smoke(reference, hosts);
  assert.ok((first.evidence?.preparation.pullSeconds ?? 0) > 0, first.told);
  const second = await smoke(reference, hosts, { again: true });
  assert.equal(second.evidence?.preparation.pullSeconds, 0, second.told);
  listed("rmi", "--all", "--force");
});

const broken: Record<string, { image: Partial<TinyImage>; told: RegExp }> = {
  "checks that fail": {
    image: {
      checks: {
        ...passed,
        verdict: "fail",
        checks: [
          {
            ...passed.checks[0],
            id: "10-imports",
            title: "x",
            status: "fail",
            reason: "undefined symbol",
            seconds: 0,
          },
        ],
      },
    },
    told: /fail 10-imports: undefined symbol/,
  },
  "checks that end without findings": {
    image: { checks: "echo 'no module named json' >&2; exit 3" },
    told: /fail 90-container\.start: they ended with status 3 and no findings[\s\S]*no module named json/,
  },
  "an image for another processor": {
    image: { architecture: "arm64" },
    told: /fail 00-image\.platform: /,
  },
  "a service that never gets ready": {
    image: { entrypoint: "exit 1", healthcheck: "exit 1" },
    told: /fail 90-container\.restarts: [1-9]\d* restarts/,
  },
  "services that only root can start": {
    image: { entrypoint: "id -u | grep -q '^1000$' || exit 1; exec sleep 600" },
    told: /fail 90-container\.stranger: never became healthy/,
  },
};

for (const [name, { image, told }] of Object.entries(broken)) {
  test(`${name}: found out, told, and no evidence that moves a tag`, { skip }, async () => {
    const before = registry.content.get("manifests/stable");
    const reference = await push(image);
    // Time enough for the checks; what never gets ready is not waited for long.
    const ran = await smoke(reference, [description()], { budget: { dollars: 1, minutes: 2 } });
    assert.equal(ran.code, 1, ran.told);
    assert.match(ran.told, told);
    assert.equal(ran.evidence, undefined);
    assertNothingIsLeft();
    assert.equal((await promote(reference, "")).exitCode, 1);
    assert.equal(registry.content.get("manifests/stable"), before);
  });
}

test("a machine with another host key gets neither the key nor the image", { skip }, async () => {
  const other = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0lHs4ZBFv8y0dKJ9yy3pNmDmCkN5R2RzQ3mR6fA8ay";
  const { code, told } = await smoke(await push(), [description({ hostKey: other })]);
  assert.equal(code, 1);
  assert.match(told, /inconclusive 127\.0\.0\.1:\d+: .*has another host key than strata:host\.hostKey says/);
  assertNothingIsLeft();
});

test("a host that cannot be reached is no verdict: the next one of the list is asked", { skip }, async () => {
  const away = description({ port: 1 });
  const { code, evidence, told } = await smoke(await push(), [away, description()]);
  assert.equal(code, 0, told);
  assert.equal(evidence?.attempts.length, 1);
  assert.equal(evidence?.attempts[0]?.host, "127.0.0.1:1");
  assert.match(evidence?.attempts[0]?.reason ?? "", /cannot be reached/);
  const alone = await smoke(await push(), [away]);
  assert.equal(alone.code, 1);
  assert.match(alone.told, /inconclusive: no host could test the image, which says nothing about it/);
});

test("a host without a driver cannot say anything about an image for GPUs", { skip }, async () => {
  const { code, told } = await smoke(await push(), [description({ gpu: true })]);
  assert.equal(code, 1);
  assert.match(told, /inconclusive .*this host has no NVIDIA driver/);
  assertNothingIsLeft();
});

test("a connection that breaks is no verdict either, and the container goes by another one", {
  skip,
}, async () => {
  const reference = await push({ checks: "echo begun; exec sleep 100" });
  const running = start(reference, [description()]);
  await begun(running);
  sshd.cut();
  const { exitCode, stderr } = await running;
  assert.equal(exitCode, 1);
  assert.match(String(stderr), /inconclusive .*the connection to 127\.0\.0\.1:\d+ broke/);
  assertNothingIsLeft();
});

test("an interrupted test takes its container with it", { skip }, async () => {
  const reference = await push({ checks: "echo begun; exec sleep 100" });
  const running = start(reference, [description()]);
  await begun(running);
  running.kill("SIGTERM");
  assert.equal((await running).exitCode, 1);
  assertNothingIsLeft();
});

test("what an earlier test left behind goes when its time is over, and not before", { skip }, async () => {
  const reference = await push();
  // The registry is in this process, which must not stand still meanwhile.
  const creds = ["--creds", `${login.username}:${login.password}`];
  await execa(podman, ["pull", "--quiet", "--tls-verify=false", ...creds, reference]);
  const left = (name: string, until: number) =>
    listed(
      "create",
      "--name",
      name,
      "--label",
      `strata.smoke.until=${until}`,
      "--entrypoint",
      "sleep",
      reference,
    );
  const now = Math.round(Date.now() / 1000);
  left("old", now - 1);
  left("new", now + 1000);
  assert.equal((await smoke(reference, [description()])).code, 0);
  assert.equal(listed("ps", "--all", "--format", "{{.Names}}"), "new");
  listed("rm", "new");
  listed("rmi", "--all", "--force");
});

test("a registry that has no such image is nobody's trouble but the caller's", { skip }, async () => {
  const reference = `${registry.host}/${REPOSITORY}@sha256:${"0".repeat(64)}`;
  const { code, told } = await smoke(reference, [description(), description()]);
  assert.equal(code, 1);
  assert.match(told, /^strata: 127\.0\.0\.1:\d+\/team\/image@sha256:0+: /m);
  assert.ok(!told.includes("inconclusive"));
});

test("no key is written down", { skip }, async () => {
  const [, , middle = ""] = sshd.privateKey.split("\n");
  assert.ok(middle.length > 20);
  mkdirSync(join(folder, "home"), { recursive: true });
  const { stdout } = await execa("grep", ["-rlF", middle, join(folder, "home"), join(folder, "storage")], {
    reject: false,
  });
  assert.equal(stdout, "");
});
