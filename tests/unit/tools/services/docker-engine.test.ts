import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type DockerFacts,
  findDockerEngine,
  isHere,
  judgeEngine,
} from "../../../../tools/services/docker-engine.ts";
import { script, temporaryFolder } from "../../support/folder.ts";

const answer = (value: unknown, stderr = "") => ({
  ok: stderr === "",
  stdout: JSON.stringify(value),
  stderr,
  all: stderr,
});

// What Docker 26.1 (Debian 13) answers, shortened to what is read.
const info = {
  ID: "237afb30-4e2f-48aa-8173-bab3c6b03ef6",
  DockerRootDir: "/var/lib/docker",
  OperatingSystem: "Debian GNU/Linux 13 (trixie)",
  ServerVersion: "26.1.5+dfsg1",
  ClientInfo: { Context: "default", Plugins: [{ Name: "buildx", Version: "0.13.1+ds1" }], Warnings: null },
};
const version = {
  Client: { Version: "28.2.2", ApiVersion: "1.45", Context: "default" },
  Server: {
    Platform: { Name: "" },
    Components: [{ Name: "Engine", Version: "26.1.5+dfsg1" }],
    Version: "26.1.5+dfsg1",
    ApiVersion: "1.45",
  },
};
const socket = "unix:///var/run/docker.sock";
const facts: DockerFacts = {
  program: "Docker version 26.1.5+dfsg1, build a72d7cd",
  version: answer(version),
  info: answer(info),
  endpoint: socket,
};

/** What is said of it, problem and remedy. */
function refusal(more: Partial<DockerFacts>): string {
  const found = judgeEngine({ ...facts, ...more });
  assert.equal(found.kind, "refused", JSON.stringify(found));
  return found.kind === "refused" ? `${found.problem}. ${found.remedy}` : "";
}

const silent = (stderr: string) => ({
  version: answer({ Client: version.Client, Server: null }, stderr),
  info: answer({ ...info, ID: "", ServerVersion: "" }, stderr),
});

test("an engine that will do says who it is and where its data is", () => {
  const engine = { id: info.ID, version: "26.1.5+dfsg1", endpoint: socket, root: "/var/lib/docker" };
  assert.deepEqual(judgeEngine(facts), { kind: "usable", engine });
  const desktop = judgeEngine({ ...facts, info: answer({ ...info, OperatingSystem: "Docker Desktop" }) });
  assert.deepEqual(desktop, { kind: "usable", engine: { ...engine, root: undefined } });
});

test("podman is told from Docker, by its program and by its socket", () => {
  assert.match(
    refusal({ program: "podman version 4.3.1\n" }),
    /not Docker itself but podman .*"podman version 4\.3\.1"/,
  );
  assert.match(refusal({ program: "docker version 4.3.1\n" }), /not Docker itself/, "by a link");
  // What podman 4.3.1 answers Docker's client on its socket.
  const components = [{ Name: "Podman Engine", Version: "4.3.1" }, { Name: "Conmon" }, { Name: "Engine" }];
  const server = { ...version.Server, Version: "4.3.1", ApiVersion: "1.41", Components: components };
  assert.match(
    refusal({ version: answer({ ...version, Server: server }), endpoint: "unix:///run/podman/podman.sock" }),
    /engine at unix:\/\/\/run\/podman\/podman\.sock is podman 4\.3\.1.*first on PATH/,
  );
});

test("an engine without a server says what is wrong and what to do", () => {
  const stopped = `Cannot connect to the Docker daemon at ${socket}. Is the docker daemon running?`;
  assert.match(refusal(silent(stopped)), /does not answer \(Cannot connect .*systemctl start docker/);
  const refused = `permission denied while trying to connect to the Docker daemon socket at ${socket}: dial unix`;
  assert.match(refusal(silent(refused)), /this user may not use .*usermod -aG docker/);
  const far =
    'error during connect: Get "http://docker.example.com/v1.50/version": command [ssh -T -- box docker system dial-stdio] has exited with exit status 255';
  assert.match(refusal({ ...silent(far), endpoint: "ssh://box" }), /dial-stdio.*DOCKER_HOST, DOCKER_CONTEXT/);
  const missing =
    'Failed to initialize: unable to resolve docker endpoint: context "nope": context not found';
  assert.match(refusal({ ...silent(missing), endpoint: "" }), /context "nope".*`docker context use`/);
});

test("what another machine publishes on its loopback address is of no use here", () => {
  assert.match(
    refusal({ endpoint: "ssh://me@box" }),
    /another machine's \(ssh:\/\/me@box\).*docker context use default/,
  );
  assert.match(refusal({ endpoint: "tcp://192.0.2.7:2376" }), /another machine's/);
  for (const endpoint of [socket, "unix:///home/ada/.docker/desktop/docker.sock", "tcp://127.0.0.1:2375"])
    assert.ok(isHere(endpoint), endpoint);
  assert.ok(
    isHere("tcp://localhost:2375") && isHere("tcp://[::1]:2375") && !isHere("tcp://localhost.example"),
  );
});

test("an engine or a buildx that is too old, or no buildx, is named with its version", () => {
  const old = { ...version.Server, Version: "18.09.1", ApiVersion: "1.39" };
  assert.match(
    refusal({ version: answer({ Server: old }) }),
    /Docker 18\.09\.1 is too old \(API 1\.39, 1\.40/,
  );
  const with20 = { ...version.Server, Version: "20.10.24", ApiVersion: "1.41" };
  assert.equal(judgeEngine({ ...facts, version: answer({ Server: with20 }) }).kind, "usable");
  const plugins = (...Plugins: object[]) => ({ info: answer({ ...info, ClientInfo: { Plugins } }) });
  assert.match(refusal(plugins()), /Docker has no buildx\. Install it: .*docker-buildx/);
  assert.match(
    refusal(plugins({ Name: "buildx", Version: "v0.10.5" })),
    /buildx 0\.10\.5 is too old \(0\.13/,
  );
  // One that is built by hand has no number to judge by.
  assert.equal(judgeEngine({ ...facts, ...plugins({ Name: "buildx", Version: "dev" }) }).kind, "usable");
});

test("without a `docker` there is none, and one that says nothing is refused", async (t) => {
  const folder = temporaryFolder(t);
  assert.deepEqual(await findDockerEngine(folder), { kind: "none" });
  script(`${folder}/docker`, 'case "$1" in --version) echo "Docker version 1";; *) exit 1;; esac');
  const found = await findDockerEngine(folder);
  assert.equal(found.kind, "refused");
});
