/** Docker mode on a real engine: every command of the Makefile, and two clones side by side. A clone is a home here. */
import assert from "node:assert/strict";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { type Home, homeAt, repository } from "../../home.ts";
import { findDockerEngine } from "../../tools/services/docker-engine.ts";
import { recallServices, type Services } from "../../tools/services/record.ts";
import { executables } from "../../tools/toolchain/find.ts";
import { freePort } from "../support/port.ts";
import { setVariables, temporaryFolder } from "../unit/support/folder.ts";
import { type Engine, startEngine, whyNoEngine } from "./support/engine.ts";
import { whyNoPodman } from "./support/podman.ts";
import { makeServiceImages } from "./support/service-images.ts";
import { writeSmallRecipe } from "./support/small-recipe.ts";

const skip = whyNoEngine() ?? false;
const folder = mkdtempSync(join(tmpdir(), "strata-docker-"));
const one = clone("one");
const two = clone("two");
let engine: Engine;
let isStopped = false;

interface Clone {
  readonly home: Home;
  readonly recipe: string;
  readonly environment: Readonly<Record<string, string>>;
}

function clone(name: string): Clone {
  return { home: homeAt(join(folder, name)), recipe: join(folder, `${name}-recipe`), environment: {} };
}

before(async () => {
  if (skip) return;
  engine = await startEngine();
  await makeServiceImages(engine, homeAt(join(folder, "images")));
  for (const { recipe } of [one, two]) await writeSmallRecipe(recipe);
  for (const { environment } of [one, two])
    Object.assign(environment, { STRATA_REGISTRY_PORT: String(await freePort()) });
  // The second clone's user has chosen the engine by `docker context use`.
  const config = join(folder, "config");
  cpSync(engine.environment.DOCKER_CONFIG, config, { recursive: true, verbatimSymlinks: true });
  const { DOCKER_HOST } = engine.environment;
  const env = { DOCKER_CONFIG: config };
  await execa("docker", ["context", "create", "ours", "--docker", `host=${DOCKER_HOST}`], { env });
  await execa("docker", ["context", "use", "ours"], { env });
  Object.assign(two.environment, env, { DOCKER_HOST: "" });
});
after(async () => {
  if (!isStopped) await engine?.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** Runs a make target in a clone, as a user does. */
function make({ home, recipe, environment }: Clone, target: string, ...words: string[]) {
  // A make that is called by another one says where it is.
  return execa(
    "make",
    ["--no-print-directory", target, "STACK=dev", `RECIPE=${join(recipe, "recipe.mjs")}`, ...words],
    {
      cwd: repository,
      env: {
        ...engine.environment,
        STRATA_HOME: home.root,
        ...environment,
      },
      stdin: "ignore",
      all: true,
      reject: false,
    },
  );
}

async function made(where: Clone, target: string, ...words: string[]): Promise<string> {
  const { exitCode, all } = await make(where, target, ...words);
  assert.equal(exitCode, 0, all);
  return all;
}

async function docker(...words: string[]): Promise<string> {
  const { exitCode, all, stdout } = await engine.docker(...words);
  assert.equal(exitCode, 0, all);
  return stdout;
}

/** Containers by name, with what tells one from a later one of the same name. */
async function containers(filter = ""): Promise<Record<string, string>> {
  const names = (await docker("ps", "--format", "{{.Names}}", "--filter", `name=${filter}`))
    .split("\n")
    .filter(Boolean);
  const started = names.map((name) => docker("inspect", "--format", "{{.Id}} {{.State.StartedAt}}", name));
  return Object.fromEntries((await Promise.all(started)).map((text, index) => [names[index], text]));
}

async function cloneOf({ home }: Clone): Promise<string> {
  const id = (await recallServices(home))?.docker?.clone;
  assert.ok(id);
  return id;
}

test("make up sets both containers up, builds, tests and promotes; preview then says unchanged", {
  skip,
}, async () => {
  const up = await made(one, "up");
  assert.match(up, /services: builder strata and registry 127\.0\.0\.1:\d+, Docker containers$/m);
  assert.match(up, /^evidence +pass: \d+ passed$/m);
  const id = await cloneOf(one);
  assert.deepEqual(Object.keys(await containers()).sort(), [
    `buildx_buildkit_strata-${id}`,
    `strata-registry-${id}`,
  ]);
  const { registry } = (await recallServices(one.home)) ?? {};
  assert.equal((await fetch(`http://${registry?.address}/v2/`)).status, 401);
  // As README has it, by hand: `docker` itself knows the login.
  const [, reference = ""] = /^run it +docker run .*?(127\S+)$/m.exec(up) ?? [];
  await docker("pull", "--quiet", reference);
  const preview = await made(one, "preview");
  assert.match(preview, /unchanged {2}system, words, checks, small/);
  assert.match(preview, /pulumi: \d+ same$/m);
});

test("stage builds one layer, and shell runs in it and in the product, with the command's exit code", {
  skip,
}, async () => {
  writeFileSync(join(one.recipe, "words/said"), "two\n");
  assert.match(await made(one, "stage", "LAYER=words"), /^stage +words: the layer words$/m);
  const shell = (layer: string, command: string) =>
    make(one, "shell", `LAYER=${layer}`, `COMMAND=${command}`);
  const inLayer = await shell("words", "cat /etc/strata /opt/words/said; ls /opt; exit 3");
  assert.equal(inLayer.exitCode, 2, inLayer.all);
  assert.match(inLayer.all, /\[.*shell\] Error 3/);
  assert.deepEqual(inLayer.stdout.split("\n").slice(0, 3), ["strata", "two", "words"]);
  const inProduct = await shell("", "id -u; hostname; echo $FROM_THE_RECIPE; echo x >/opt/words/said");
  assert.deepEqual(inProduct.stdout.split("\n"), ["0", "small", "yes"], inProduct.all);
  // What it wrote is gone.
  assert.equal((await shell("", "cat /opt/words/said")).stdout, "two");
});

test("a second clone, by another context and port, neither recreates nor interrupts the first while that builds", {
  skip,
}, async () => {
  // A step of a build is in the registry's network: this machine's loopback is another one there.
  const gateway = await docker(
    "network",
    "inspect",
    "bridge",
    "--format",
    "{{(index .IPAM.Config 0).Gateway}}",
  );
  const gate = await freePort();
  const dockerfile = join(one.recipe, "words/Dockerfile");
  const waiting = `RUN bash -c 'for _ in {1..600}; do (: </dev/tcp/${gateway}/${gate}) 2>/dev/null && exit; sleep 0.2; done'`;
  writeFileSync(dockerfile, readFileSync(dockerfile, "utf8").replace("COPY", `${waiting}\nCOPY`));
  const mine = await containers(await cloneOf(one));
  const building = make(one, "stage", "LAYER=words");
  const builder = Object.keys(mine).find((name) => name.startsWith("buildx")) ?? "";
  let isOver = false;
  building.finally(() => {
    isOver = true;
  });
  while (!isOver && !(await docker("top", builder)).includes(`/${gate})`)) await sleep(200);
  assert.ok(!isOver, "it ended before it was to wait");

  const up = await made(two, "up");
  assert.match(up, /^evidence +pass: \d+ passed$/m);
  assert.match(await made(two, "down"), /services: stopped the builder and the registry/);
  assert.match(await made(two, "down"), /services: nothing was running/);
  const clean = await made(two, "clean");
  assert.match(clean, new RegExp(`kept in Docker: builder and registry of ${one.home.root}$`, "m"));
  assert.ok(!existsSync(two.home.root));
  assert.deepEqual(await containers(), mine);

  const open = createServer((socket) => socket.end()).listen(gate, gateway);
  const { exitCode, all } = await building;
  open.close();
  assert.equal(exitCode, 0, all);
  assert.deepEqual(await containers(), mine);
});

test("down keeps everything for the next up, and clean leaves nothing but what all clones share", {
  skip,
}, async () => {
  assert.match(await made(one, "down"), /services: stopped the builder and the registry/);
  assert.deepEqual(await containers(), {});
  const up = await made(one, "up");
  assert.match(up, /services: builder strata and registry .*, Docker containers$/m);
  assert.match(up, /base image: .*, made here earlier/);
  assert.doesNotMatch(up, /small-system: (re)?build/);
  await made(one, "down");
  const clean = await made(one, "clean");
  assert.match(clean, /kept in Docker: the images moby\/buildkit:v\S+ and registry:3/);
  assert.equal(await docker("ps", "--all", "--quiet"), "");
  assert.equal(await docker("volume", "ls", "--quiet"), "");
  assert.doesNotMatch(await docker("image", "ls", "--format", "{{.Repository}}"), /127\.0\.0\.1/);
  assert.ok(!existsSync(one.home.root));
});

test("an engine that has gone is named, with what it holds, and clean works without it", {
  skip,
}, async () => {
  // As a first run leaves it.
  const gone = { ...one, environment: { ...one.environment, DOCKER_HOST: `unix://${folder}/none.sock` } };
  const id = "0badcafe";
  mkdirSync(one.home.root, { recursive: true });
  const services: Services = {
    builder: { kind: "docker", name: "strata", address: "docker-container://b" },
    registry: { kind: "docker", address: "127.0.0.1:5000" },
    docker: { clone: id, engine: "another", endpoint: "unix:///elsewhere.sock" },
  };
  writeFileSync(one.home.services, JSON.stringify(services));
  const up = await make(gone, "up");
  assert.notEqual(up.exitCode, 0);
  assert.match(
    up.all,
    /^strata: the Docker engine at unix:\/\/\/elsewhere\.sock, .* cannot be used: .*none\.sock/m,
  );
  assert.match((await make(one, "down")).all, /^strata: .* is not the one that `docker` talks to now/m);
  assert.match(await made(gone, "clean"), new RegExp(`docker volume rm buildx_buildkit_strata-${id}_state`));
  assert.ok(!existsSync(one.home.root));
});

test("an engine without buildx, as Debian 12 ships it, is told by that", { skip }, async (t) => {
  await engine.stop();
  isStopped = true;
  await using old = await startEngine("bookworm");
  setVariables(t, old.environment);
  const found = await findDockerEngine();
  assert.match(
    found.kind === "refused" ? `${found.problem}. ${found.remedy}` : found.kind,
    /^Docker has no buildx\. Install/,
  );
});

test("podman is no engine to build with, by its program and by its socket", {
  skip: skip || (whyNoPodman() ?? false),
}, async (t) => {
  const bin = temporaryFolder(t);
  symlinkSync(executables("podman", process.env.PATH ?? "")[0] ?? "", join(bin, "docker"));
  const found = await findDockerEngine(bin);
  assert.match(found.kind === "refused" ? found.problem : found.kind, /not Docker itself but podman/);
});
