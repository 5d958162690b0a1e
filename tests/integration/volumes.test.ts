/** Whose data lands where, on a real Docker engine: the table of docs/comfyui.md, a test a row. */
import assert from "node:assert/strict";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { repository } from "../../home.ts";
import { lazily } from "../support/lazily.ts";
import { type Engine, startEngine, whyNoEngine } from "./support/engine.ts";
import { clearPodman, makePodman, whyNoPodman } from "./support/podman.ts";
import { buildRuntimeImage, whyNoRuntimeImage } from "./support/runtime-image.ts";
import { containerBlocks, typeCommands } from "./support/written-commands.ts";

const skip = whyNoEngine() ?? (await whyNoRuntimeImage()) ?? false;
const root = mkdtempSync(join(tmpdir(), "strata-volumes-"));
const token = "a-token-for-the-tests";
let engine: Engine;
let image: string;
const wan22 = lazily(() => buildRuntimeImage(engine, join(root, "wan22"), "wan22"));

before(async () => {
  if (skip) return;
  engine = await startEngine();
  image = await buildRuntimeImage(engine, join(root, "studio"), "studio");
});
after(async () => {
  if (podman) clearPodman(join(root, "podman"));
  if (!skip) await engine.stop();
  rmSync(root, { recursive: true, force: true });
});

let podman: string | undefined;
/** podman with the image as one layer, as a storage that copies each would hold it several times. */
async function podmanWithImage(): Promise<string> {
  const program = makePodman(join(root, "podman"), "vfs");
  const archive = join(root, "image.tar");
  const { stdout: container } = await engine.docker("create", image);
  assert.equal((await engine.docker("export", "--output", archive, container)).exitCode, 0);
  const { Env, Entrypoint } = JSON.parse(await inspect(container, "{{json .Config}}"));
  const changes = [
    ...Env.map((line: string) => `ENV ${line}`),
    `ENTRYPOINT ${JSON.stringify(Entrypoint)}`,
    "USER root",
  ];
  const words = changes.flatMap((change) => ["--change", change]);
  await execa(program, ["import", ...words, archive, image]);
  rmSync(archive);
  await engine.docker("rm", container);
  return program;
}

/** A folder of the host as `owner` (uid:gid) has it. */
function folder(owner: string, files: Readonly<Record<string, string>> = {}, mode = 0o755): string {
  const path = mkdtempSync(join(root, "folder-"));
  const [uid = 0, gid = 0] = owner.split(":").map(Number);
  for (const [name, whose] of Object.entries(files)) own(join(path, name), whose);
  chownSync(path, uid, gid);
  chmodSync(path, mode);
  return path;
}

/** Makes a file, or a folder where the name ends in `/`, and gives it away. */
function own(path: string, owner: string): void {
  const [uid = 0, gid = 0] = owner.split(":").map(Number);
  if (path.endsWith("/")) mkdirSync(path, { recursive: true });
  else writeFileSync(path, `${token}\n`);
  chownSync(path, uid, gid);
}

const ownerOf = (path: string) => statSync(path).uid;
const tokenIn = (volume: string) => join(volume, "user/strata-token");

let containers = 0;
interface Started {
  readonly name: string;
  /** What it has written so far. */
  readonly log: () => Promise<string>;
  readonly ended: number | undefined;
}

/** Starts the image and waits until it is healthy or has ended. */
async function start(...flags: string[]): Promise<Started> {
  const name = `volumes-${containers++}`;
  const ports = ["--publish", "127.0.0.1::8000", "--publish", "127.0.0.1::8188"];
  const run = await engine.docker("run", "--detach", "--name", name, ...ports, ...flags, image);
  assert.equal(run.exitCode, 0, run.all);
  const log = async () => (await engine.docker("logs", name)).all;
  for (let tries = 0; ; tries++) {
    const [status, exit] = (await inspect(name, "{{.State.Status}} {{.State.ExitCode}}")).split(" ");
    if (status === "exited") return { name, log, ended: Number(exit) };
    if ((await engine.docker("exec", name, "/opt/strata/runtime/healthcheck")).exitCode === 0) break;
    assert.ok(tries < 300, await log());
    await sleep(300);
  }
  return { name, log, ended: undefined };
}

const inspect = async (name: string, format: string) =>
  (await engine.docker("inspect", "--format", format, name)).stdout.trim();

/** Status of ComfyUI's answer through the published port, with and without the token. */
async function comfyui(started: Started): Promise<readonly number[]> {
  const { name } = started;
  const [address] = (await engine.docker("port", name, "8188")).stdout.split("\n");
  const ask = async (headers: Record<string, string>) =>
    (await fetch(`http://${address}/system_stats`, { headers })).status;
  // Where root has lost its rights, only who wrote the file can read it.
  const [user = ""] = await users(started);
  const { stdout: hash } = await engine.docker(
    "exec",
    "--user",
    user,
    name,
    "sh",
    "-c",
    "head -qn 1 /tmp/strata.*/comfyui/login/PASSWORD /opt/comfyui/login/PASSWORD 2>/dev/null",
  );
  return [await ask({ authorization: `Bearer ${hash.trim()}` }), await ask({})];
}

/** Numbers of the users whose processes run in it. */
async function users({ name }: Started): Promise<string[]> {
  const { stdout } = await engine.docker("top", name, "-eo", "pid,uid,args");
  const lines = stdout
    .split("\n")
    .slice(1)
    .filter((line) => !line.includes("healthcheck"));
  return [...new Set(lines.map((line) => line.trim().split(/\s+/)[1] ?? ""))];
}

/** Starts the image with `flags` and `volume`, and holds that it works as `uid`, with its data in the volume. */
async function works(uid: number, volume: string, ...flags: string[]): Promise<void> {
  const started = await start(...flags, "--volume", `${volume}:/workspace`);
  try {
    assert.equal(started.ended, undefined, await started.log());
    assert.deepEqual(await users(started), [String(uid)], await started.log());
    assert.deepEqual(await comfyui(started), [200, 401], await started.log());
    // The small ComfyUI writes it as ComfyUI does its database.
    for (const path of [tokenIn(volume), join(volume, "seen.json")]) assert.equal(ownerOf(path), uid, path);
  } finally {
    await engine.docker("rm", "--force", started.name);
  }
  assert.ok(existsSync(tokenIn(volume)), "gone with the container");
}

/** Starts the image, and holds that it ends with a message. */
async function refused(message: RegExp, ...flags: string[]): Promise<void> {
  const started = await start(...flags);
  const log = await started.log();
  await engine.docker("rm", "--force", "--volumes", started.name);
  assert.equal(started.ended, 1, log);
  assert.match(log, message);
  assert.doesNotMatch(log, /Traceback/);
}

/** A folder that the host does not have: Docker makes it, as root's. */
const missing = () => join(root, `made-by-docker-${containers}`);
// What root may not do on NFS that squashes it: everything that is another user's. A kernel's NFS server is not to be had here.
const squashed = ["CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER"].flatMap((name) => [
  "--cap-drop",
  name,
]);
const readOnly = ["--read-only", "--tmpfs", "/tmp"];
const kubernetes = ["--env", "KUBERNETES_SERVICE_HOST=10.96.0.1"];

const ways: readonly (readonly [string, number, () => string, ...string[]])[] = [
  ["a folder that Docker makes", 1000, missing],
  ["a folder of user 1000", 1000, () => folder("1000:1000")],
  ["a folder of user 1234", 1234, () => folder("1234:1234")],
  ["a folder of user 1234, with --user 1234:1234", 1234, () => folder("1234:1234"), "--user", "1234:1234"],
  ["a folder of user 1234, with --user 1234", 1234, () => folder("1234:1234"), "--user", "1234"],
  ["PUID and PGID, on root's folder", 1234, missing, "--env", "PUID=1234", "--env", "PGID=1234"],
  ["PUID=0", 0, missing, "--env", "PUID=0"],
  [
    "RunPod's volume, root's, in which an image that ran as root left files",
    1000,
    () => folder("0:0", { "models/": "0:0", "user/": "0:0", "custom_nodes/": "0:0" }),
    "--env",
    "RUNPOD_POD_ID=abc",
  ],
  ["NFS with root squash, of user 1234", 1234, () => folder("1234:1234", {}, 0o700), ...squashed],
  [
    "Kubernetes: runAsUser and fsGroup",
    1000,
    () => folder("0:2000", {}, 0o2775),
    ...["--user", "1000:1000", "--group-add", "2000", ...kubernetes],
  ],
  [
    "Kubernetes: a user whom the image does not know, and fsGroup",
    4242,
    () => folder("0:2000", {}, 0o2775),
    ...["--user", "4242", "--group-add", "2000", ...kubernetes],
  ],
  ["a read-only root file system", 1000, missing, ...readOnly],
  ["that, and --user 1234", 1234, () => folder("1234:1234"), "--user", "1234:1234", ...readOnly],
  [
    "a token of somebody else that can be read, and a Manager's folder of somebody else",
    1000,
    () =>
      folder("1000:1000", {
        "user/": "1000:1000",
        "user/default/": "1000:1000",
        "user/default/ComfyUI-Manager/": "77:77",
      }),
  ],
];
for (const [title, uid, volume, ...flags] of ways) {
  test(`works: ${title}`, { skip }, () => works(uid, volume(), ...flags));
}

test("works: a named volume, and what is in it is there for the next container", { skip }, async () => {
  const tokens = [];
  for (const _ of [1, 2]) {
    const started = await start("--volume", "named:/workspace");
    assert.deepEqual(await users(started), ["1000"]);
    assert.deepEqual(await comfyui(started), [200, 401]);
    tokens.push((await engine.docker("exec", started.name, "cat", "/workspace/user/strata-token")).stdout);
    await engine.docker("rm", "--force", started.name);
  }
  assert.equal(tokens[0], tokens[1]);
  assert.ok((tokens[0] ?? "").length > 30);
});

test("works: a token of somebody else, as long as it can be read", { skip }, async () => {
  const volume = folder("1000:1000", { "user/": "1000:1000", "user/strata-token": "77:77" });
  const started = await start("--volume", `${volume}:/workspace`);
  assert.equal(started.ended, undefined, await started.log());
  assert.equal(readFileSync(tokenIn(volume), "utf8"), `${token}\n`);
  await engine.docker("rm", "--force", started.name);
});

test("works: models mounted read-only on their own", { skip }, async () => {
  const models = folder("0:0", { "checkpoints/": "0:0", "checkpoints/mine.safetensors": "0:0" });
  await works(1000, missing(), "--volume", `${models}:/workspace/models:ro`);
});

test("works: nothing mounted, and the log says what is lost", { skip }, async () => {
  const started = await start();
  assert.deepEqual(await users(started), ["1000"]);
  assert.match(await started.log(), /\/workspace is no volume: what is stored there goes with the container/);
  await engine.docker("rm", "--force", started.name);
});

test("what is mounted for the user and cannot be written to ends the container, with a remedy for the place", {
  skip,
}, async () => {
  const mount = (path: string, mode = "") => ["--volume", `${path}:/workspace${mode}`];
  await refused(
    /user 1234 cannot write to \/workspace .*chown -R 1234:1234 FOLDER/,
    ...mount(folder("0:0")),
    "--user",
    "1234:1234",
  );
  await refused(/chown 1000:1000 FOLDER/, ...mount(folder("0:0")), ...squashed);
  await refused(/PUID=1234 and PGID=1235/, ...mount(folder("1234:1235")), "--env", "PUID=99");
  await refused(/fsGroup: 1000/, ...mount(folder("0:0")), "--user", "1000:1000", ...kubernetes);
  await refused(/Read-only file system.*Mount it writable/, ...mount(folder("1000:1000"), ":ro"));
});

/** The maps of users that podman makes for user 1234 when it is started by him: first as it does by itself, then to keep him. */
const asUser1234 = {
  "podman without root": ["0:1234:1", "1:100000:65536"],
  "podman without root, --userns=keep-id": ["0:100000:1234", "1234:1234:1", "1235:101234:64302"],
};
for (const [title, maps] of Object.entries(asUser1234)) {
  test(`works: ${title}, with a folder of one's own`, {
    skip: skip || (whyNoPodman() ?? false),
  }, async () => {
    podman ??= await podmanWithImage();
    const program = podman;
    const volume = folder("1234:1234");
    const mapped = maps.flatMap((map) => ["--uidmap", map, "--gidmap", map]);
    const user = title.includes("keep-id") ? ["--user", "1234:1234"] : [];
    const flags = ["--detach", "--network", "none", ...mapped, ...user, "--volume", `${volume}:/workspace`];
    const { stdout: container } = await execa(program, ["run", ...flags, image]);
    try {
      for (let tries = 0; ; tries++) {
        const health = await execa(program, ["exec", container, "/opt/strata/runtime/healthcheck"], {
          reject: false,
        });
        if (health.exitCode === 0) break;
        assert.ok(tries < 300, (await execa(program, ["logs", container], { all: true })).all);
        await sleep(300);
      }
      // The host's user owns what he sees there, whoever the container takes itself for.
      for (const path of [tokenIn(volume), join(volume, "seen.json"), volume])
        assert.equal(ownerOf(path), 1234, path);
    } finally {
      await execa(program, ["rm", "--force", "--time", "0", container], { reject: false });
    }
  });
}

test("root that may become nobody is told whom to start as", { skip }, () =>
  refused(/--user 1000:1000/, "--cap-drop", "ALL"),
);

/**
 * Blocks of commands for ComfyUI images; those of `starter` are typed in the end-to-end suite, and a rented machine's image has
 * another test (vast.test.ts).
 */
const written = ["README.md", "docs/comfyui.md"].flatMap((file) =>
  containerBlocks(readFileSync(join(repository, file), "utf8"))
    .filter((block) => block.some(({ command }) => command.includes("8188:8188")))
    .filter((block) => !block.some(({ command }) => command.includes("1111:1111")))
    .map((block) => {
      // The recipe whose image asks nobody for a password.
      const isOpen = block.some(({ comment }) => comment.includes("without a password"));
      return [file, isOpen ? "wan22" : "studio", block] as const;
    }),
);
for (const [file, recipe, block] of written) {
  test(`${file}: the commands for ${recipe} work as they stand there`, { skip }, async () => {
    const typed = {
      image: recipe === "wan22" ? await wan22() : image,
      folder: mkdtempSync(join(root, "typed-")),
    };
    const outputs = await typeCommands(engine, block, typed);
    for (const [line, { command }] of block.entries()) {
      if (command.startsWith("docker run"))
        assert.match(outputs[line] ?? "", /backend entered RUNNING state/);
      if (command.startsWith("curl")) assert.match(outputs[line] ?? "", /"ComfyUI-KJNodes"/);
    }
  });
}

test("PUID beside --user is a contradiction", { skip }, async () => {
  const started = await start("--user", "1234", "--env", "PUID=99");
  assert.equal(started.ended, 2);
  assert.match(await started.log(), /PUID: .*user 1234/);
});

test("a command of one's own runs as the same user", { skip }, async () => {
  const { stdout } = await engine.docker("run", "--rm", image, "sh", "-c", 'echo "$(id -un) $HOME"');
  assert.equal(stdout, "strata /home/strata");
});

test("compiled kernels go where code may run, and it is said where nothing may", { skip }, async () => {
  const volume = folder("1000:1000");
  const started = await start(...readOnly, "--volume", `${volume}:/workspace`);
  const seen = JSON.parse(readFileSync(join(volume, "seen.json"), "utf8"));
  assert.equal(seen.environment.TRITON_CACHE_DIR, "/workspace/cache/kernels/triton");
  assert.equal(seen.environment.TORCHINDUCTOR_CACHE_DIR, "/workspace/cache/kernels/inductor");
  assert.doesNotMatch(await started.log(), /noexec/);
  const without = await start(...readOnly);
  assert.match(await without.log(), /Compiled kernels find no folder.*--tmpfs \/tmp:exec/);
  await engine.docker("rm", "--force", started.name, without.name);
});
