/** Builder and registry beside another user of the machine, and beside what runs in a build; and a clone whose services were open. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { copyFile } from "node:fs/promises";
import { tmpdir, userInfo } from "node:os";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { execa } from "execa";
import { type Home, homeAt } from "../../home.ts";
import { keptLogin } from "../../oci/access/logins.ts";
import { Transport } from "../../oci/access/transport.ts";
import { digestOf } from "../../oci/blob-digest.ts";
import { MANIFEST_TYPE } from "../../oci/manifest.ts";
import { putBlob, putManifest } from "../../oci/write/put.ts";
import { buildInBuilder, recordsIn } from "../../tools/builder/builder.ts";
import { BUILDKITD_CONFIG } from "../../tools/services/buildkitd.ts";
import { ensureDaemon } from "../../tools/services/daemon.ts";
import { askLoopback, askRegistry } from "../../tools/services/loopback.ts";
import { isFree } from "../../tools/services/ports.ts";
import type { Services } from "../../tools/services/record.ts";
import { usersFile } from "../../tools/services/registry-login.ts";
import { REGISTRY_CONFIG, registryConfig } from "../../tools/services/registry-process.ts";
import { ensureServices, stopServices } from "../../tools/services/services.ts";
import { ensureTools, type Toolchain } from "../../tools/toolchain/toolchain.ts";
import { freePort } from "../support/port.ts";

const skip = userInfo().uid === 0 ? false : "only root can be another user for a moment";
const NOBODY = 65_534;
const root = mkdtempSync(join(tmpdir(), "strata-strangers-"));
const home: Home = homeAt(join(root, "home"));
const methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
const content = Buffer.from("{}");
const blob = digestOf(content);
const manifest = JSON.stringify({
  schemaVersion: 2,
  mediaType: MANIFEST_TYPE,
  config: { mediaType: "application/vnd.oci.image.config.v1+json", digest: blob, size: content.length },
  layers: [],
});
const digest = digestOf(Buffer.from(manifest));
const paths = [
  "/v2/",
  "/v2/_catalog",
  "/v2/strata/tags/list",
  "/v2/strata/manifests/latest",
  `/v2/strata/manifests/${digest}`,
  `/v2/strata/blobs/${blob}`,
  "/v2/strata/blobs/uploads/",
  `/v2/strata/blobs/uploads/?digest=${blob}`,
  `/v2/mine/blobs/uploads/?mount=${blob}&from=strata`,
];
/** Becomes another user and tries everything. */
const asNobody = `
import { connect } from "node:net";
import { readFileSync } from "node:fs";
const { socket, files, address, methods, paths, user } = JSON.parse(process.env.TOLD);
process.setgroups([]);
process.setgid(user);
process.setuid(user);
const told = { uid: process.getuid() };
told[socket] = await new Promise((resolve) => {
  connect(socket, () => resolve("connected")).on("error", ({ code }) => resolve(code));
});
for (const file of files)
  try { readFileSync(file); told[file] = "read"; } catch ({ code }) { told[file] = code; }
for (const method of methods)
  for (const path of paths) told[method + " " + path] = (await fetch("http://" + address + path, { method })).status;
console.log(JSON.stringify(told));
`;
let port: number;
let formerBuilder: number;
let tools: Toolchain;
let services: Services;
let formerRecords: string[];
let image: { registry: string; repository: string };

before(async () => {
  if (skip) return;
  // The rights of our own folders have to do, whatever those above them are.
  mkdirSync(home.root);
  for (const folder of [root, home.root]) chmodSync(folder, 0o755);
  tools = await ensureTools(home, ["buildkitd", "buildctl", "runc", "registry"]);
  [port, formerBuilder] = [await freePort(), await freePort()];
  image = { registry: `127.0.0.1:${port}`, repository: "strata" };
  await startFormer();
  await push();
  services = await ensureServices(home, { kind: "buildkitd" }, tools);
});
after(async () => {
  if (!skip) await stopServices(home);
  rmSync(root, { recursive: true, force: true });
});

/** Both services as earlier versions started them: for everybody. */
async function startFormer(): Promise<void> {
  const { registry, buildkitd, buildctl, runc } = tools;
  assert.ok(registry && buildkitd && buildctl && runc);
  const address = `tcp://127.0.0.1:${formerBuilder}`;
  await ensureDaemon(home, {
    name: "registry",
    program: registry.path,
    args: (file) => ["serve", file],
    configFile: REGISTRY_CONFIG,
    config: registryConfig(home, port).replace(/^auth:[\s\S]*/m, ""),
    place: "a port",
    healthy: async () => (await askLoopback(`127.0.0.1:${port}`, "/v2/"))?.status === 200,
    patience: 10_000,
  });
  await ensureDaemon(home, {
    name: "buildkitd",
    program: buildkitd.path,
    args: (file) => ["--config", file],
    configFile: BUILDKITD_CONFIG,
    config: `root = "${home.buildkit}"\n[grpc]\n  address = ["${address}"]\n[worker.oci]\n  binary = "${runc.path}"\n`,
    place: "a port",
    healthy: async () =>
      (await execa(buildctl.path, ["--addr", address, "debug", "workers"], { reject: false })).exitCode === 0,
    patience: 20_000,
  });
  writeFileSync(
    home.services,
    JSON.stringify({
      builder: { kind: "buildkitd", name: "strata", address },
      registry: { kind: "process", address: `127.0.0.1:${port}` },
    }),
  );
  await answersIn("echo built >/answers\n");
  formerRecords = await records(address);
  assert.ok(formerRecords.length > 0);
}

/** What the builder keeps of steps that ran. */
async function records(address: string): Promise<string[]> {
  const words = ["--addr", address, "du", "--verbose"];
  const { stdout } = await execa(tools.buildctl?.path ?? "", words, { reject: false });
  const isStep = ({ description }: { description: string }) => description.includes("exec /bin/bash");
  return recordsIn(stdout)
    .filter(isStep)
    .map(({ id }) => id)
    .sort();
}

/** An image, while everybody may store one. */
async function push(): Promise<void> {
  const transport = new Transport({ dockerConfig: "none", attempts: 1 });
  await putBlob(transport, image, { mediaType: "application/vnd.oci.image.config.v1+json", bytes: content });
  await putManifest(transport, image, digest, { mediaType: MANIFEST_TYPE, bytes: Buffer.from(manifest) });
}

/** A build context with bash and nothing else, whose one step writes what `script` says into /answers. */
async function writeContext(script: string, options = ""): Promise<string> {
  const folder = join(root, "context");
  rmSync(folder, { recursive: true, force: true });
  for (const file of ["/bin/bash", ...librariesOf("/bin/bash")]) {
    mkdirSync(dirname(join(folder, "files", file)), { recursive: true });
    await copyFile(realpathSync(file), join(folder, "files", file));
  }
  writeFileSync(join(folder, "files/step"), script);
  const lines = ["FROM scratch AS done", "COPY files /", `RUN ${options}["/bin/bash", "/step"]`];
  writeFileSync(
    join(folder, "Dockerfile"),
    [...lines, "FROM scratch", "COPY --from=done /answers /"].join("\n"),
  );
  return folder;
}

function librariesOf(program: string): string[] {
  const told = execFileSync("ldd", [program]).toString();
  return [...told.matchAll(/(\/\S+) \(0x/g)].map(([, library = ""]) => library);
}

/** What the step of a build finds out. */
async function answersIn(script: string, options?: string): Promise<string[]> {
  const folder = await writeContext(script, options);
  const out = join(root, "out");
  const built = await buildInBuilder(home, "strata", { folder, output: `type=local,dest=${out}` });
  assert.ok(built.ok, built.all);
  return readFileSync(join(out, "answers"), "utf8").trim().split("\n");
}

const holds = async () =>
  (
    await askRegistry(home.logins, services.registry.address, `/v2/strata/manifests/${digest}`, {
      method: "HEAD",
      headers: { accept: MANIFEST_TYPE },
    })
  )?.status;

test("a clone whose services were open goes on: closed, at the same address, with all that they held", {
  skip,
}, async () => {
  assert.equal(services.registry.address, `127.0.0.1:${port}`);
  assert.equal(await holds(), 200);
  assert.equal((await askLoopback(services.registry.address, "/v2/"))?.status, 401);
  assert.ok(await isFree(formerBuilder), "the builder has left its port");
  assert.deepEqual(await records(services.builder.address), formerRecords);
  const login = await keptLogin(home.logins, services.registry.address);
  assert.deepEqual(await ensureServices(home, { kind: "buildkitd" }, tools), services);
  assert.deepEqual(await keptLogin(home.logins, services.registry.address), login, "of one that runs");
  rmSync(home.logins, { recursive: true });
  assert.deepEqual(await ensureServices(home, { kind: "buildkitd" }, tools), services);
  assert.equal(await holds(), 200);
});

test("`ss` shows one port, the registry's, and sockets in folders that are ours alone", { skip }, () => {
  const own = ["registry", "buildkitd"].map(
    (name) => JSON.parse(readFileSync(join(home.run, `${name}.pid`), "utf8")).pid,
  );
  const listening = (option: string) =>
    execFileSync("ss", ["-Hlnp", option])
      .toString()
      .split("\n")
      .filter((line) => own.some((pid) => line.includes(`pid=${pid},`)))
      .map((line) => line.trim().split(/\s+/));
  assert.deepEqual(
    listening("-t").map(([, , , address]) => address),
    [`127.0.0.1:${port}`],
  );
  const sockets = listening("-x").map((fields) => fields[4] ?? "");
  assert.ok(sockets.includes(services.builder.address.replace("unix://", "")), String(sockets));
  for (const path of sockets) assert.equal(statSync(dirname(path)).mode & 0o777, 0o700, path);
});

test("another user gets nowhere: no socket, no file with the login, 401 for every method and path", {
  skip,
}, async () => {
  const socket = services.builder.address.replace("unix://", "");
  const files = [usersFile(home), join(home.logins, services.registry.address, "config.json")];
  const { stdout } = await execa(process.execPath, ["--input-type=module", "--eval", asNobody], {
    env: {
      TOLD: JSON.stringify({
        socket,
        files,
        address: services.registry.address,
        methods,
        paths,
        user: NOBODY,
      }),
    },
  });
  const told: Record<string, string | number> = JSON.parse(stdout);
  assert.equal(told.uid, NOBODY);
  for (const path of [socket, ...files]) assert.equal(told[path], "EACCES", path);
  for (const method of methods)
    for (const path of paths) assert.equal(told[`${method} ${path}`], 401, `${method} ${path}`);
  assert.equal(await holds(), 200);
});

test("a step of a build cannot store, delete or read anything in the registry, and without a network reaches nobody", {
  skip,
}, async () => {
  const requests = [
    "GET /v2/_catalog",
    `GET /v2/strata/manifests/${digest}`,
    "POST /v2/strata/blobs/uploads/",
    `POST /v2/strata/blobs/uploads/?digest=${blob}`,
    "PUT /v2/strata/manifests/latest",
    `DELETE /v2/strata/manifests/${digest}`,
    `DELETE /v2/strata/blobs/${blob}`,
  ];
  const asking = requests.map(
    (request) =>
      `if exec 3<>/dev/tcp/127.0.0.1/${port}; then printf '${request} HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: 2\\r\\nConnection: close\\r\\n\\r\\n{}' >&3; read -r line <&3; else line=none; fi; echo "$line" >>/answers`,
  );
  const script = [
    ...asking,
    `[ ! -e '${services.builder.address.replace("unix://", "")}' ] || echo socket >>/answers`,
  ];
  const open = await answersIn(`${script.join("\n")}\ntrue\n`);
  assert.deepEqual(
    open.map((line) => line.trim()),
    requests.map(() => "HTTP/1.1 401 Unauthorized"),
  );
  const closed = await answersIn(`${script.join("\n")}\ntrue\n`, "--network=none ");
  assert.deepEqual(
    closed,
    requests.map(() => "none"),
  );
  assert.equal(await holds(), 200);
});

test("the password is in no argument, environment, log or file but its own", { skip }, async () => {
  const login = await keptLogin(home.logins, services.registry.address);
  assert.ok(login?.kind === "password" && /^[0-9a-f]{64}$/.test(login.password));
  const secrets = [login.password, Buffer.from(`strata:${login.password}`).toString("base64")];
  const holding = execFileSync("grep", [
    "-rlFs",
    ...secrets.flatMap((secret) => ["-e", secret]),
    root,
  ]).toString();
  assert.deepEqual(holding.trim().split("\n"), [join(home.logins, services.registry.address, "config.json")]);
  for (const name of ["registry", "buildkitd"]) {
    const { pid } = JSON.parse(readFileSync(join(home.run, `${name}.pid`), "utf8"));
    for (const file of ["cmdline", "environ"])
      for (const secret of secrets)
        assert.ok(!readFileSync(`/proc/${pid}/${file}`).includes(secret), `${name} ${file}`);
  }
});
