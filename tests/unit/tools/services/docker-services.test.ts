import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { compare } from "bcryptjs";
import { type Home, homeAt } from "../../../../home.ts";
import { removeFromDocker } from "../../../../tools/services/docker-removal.ts";
import { cloneId, dockerNames } from "../../../../tools/services/docker-services.ts";
import { recallServices } from "../../../../tools/services/record.ts";
import { chooseBuilderPlace, ensureServices, stopServices } from "../../../../tools/services/services.ts";
import { freePort } from "../../../support/port.ts";
import { script, setVariables, temporaryFolder } from "../../support/folder.ts";

const version = '{"Server":{"Version":"26.1.5","ApiVersion":"1.45","Components":[{"Name":"Engine"}]}}';
const info =
  '{"ID":"engine-1","DockerRootDir":"/var/lib/docker","OperatingSystem":"Debian","ClientInfo":{"Plugins":[{"Name":"buildx","Version":"0.13.1"}]}}';

/**
 * A `docker` that writes down its calls and keeps what was made as files in `state`: a container is what `inspect`
 * answers, as Docker 26.1 does.
 */
function fakeDocker(context: TestContext, before = "") {
  const folder = temporaryFolder(context);
  const state = join(folder, "state");
  mkdirSync(state);
  const calls = join(folder, "calls");
  script(
    join(folder, "bin/docker"),
    `cd '${state}'
echo "$*" >>'${calls}'
${before}
running='s/"Running":false/"Running":true/;s/StartedAt":"[^"]*/StartedAt":"'$(date -u +%FT%T.%NZ)/
container() { printf '[{"Id":"%s","State":{"Running":%s,"StartedAt":"%s"},"Config":{"Labels":%s,"Env":["%s"]},"HostConfig":{"PortBindings":{"%s/tcp":[{"HostPort":"%s"}]}}}]' "$1" "$2" "$(date -u +%FT%T.%NZ)" "$3" "$5" "$4" "$4" >"$1"; }
case "$1 $2" in
  "--version ") echo "Docker version 26.1.5" ;;
  "version --format") echo '${version}' ;;
  "info --format") echo '${info}' ;;
  "context inspect") echo unix:///var/run/docker.sock ;;
  "container inspect") [ -e "$3" ] && cat "$3" ;;
  "create --name")
    port=$(echo "$*" | sed 's/.*127\\.0\\.0\\.1:\\([0-9]*\\):.*/\\1/')
    label=$(echo "$*" | sed 's/.*--label strata\\.home=\\([^ ]*\\).*/\\1/')
    container "$3" false "{\\"strata.home\\":\\"$label\\"}" "$port" REGISTRY_AUTH=htpasswd ;;
  "cp "*) cat "$2" >users ;;
  "start "* | "restart strata-registry"*) sed -i "$running" "$2" ;;
  "login --username")
    printf '{"auths":{"%s":{"auth":"%s"}}}' "$5" "$(printf '%s:%s' "$3" "$(cat)" | base64 -w0)" >"$DOCKER_CONFIG/config.json" ;;
  "restart -t") sed -i "$running" "$4" ;;
  "buildx inspect") [ -e builder ] && echo "Status: running" ;;
  "buildx create") touch builder; container "buildx_buildkit_$(echo "$*" | sed 's/.*--node \\([^ ]*\\).*/\\1/')" true null 0 ;;
  "rm --force") shift 2; for each; do rm -f "$each"; done ;;
  "stop -t") sed -i 's/"Running":true/"Running":false/' "$4" ;;
  "volume ls") cat volumes 2>/dev/null || true ;;
  "image inspect") echo "[]" ;;
esac`,
  );
  mkdirSync(join(folder, "user"));
  setVariables(context, {
    PATH: `${join(folder, "bin")}:${process.env.PATH}`,
    DOCKER_CONFIG: join(folder, "user"),
  });
  const home = homeAt(join(folder, "home"));
  mkdirSync(home.root);
  return { folder, home, state, calls: () => (existsSync(calls) ? readFileSync(calls, "utf8") : "") };
}

/** Stands in for the registry that the container would be, from the moment when that was started, with the users it was given. */
async function registryBehind(context: TestContext, state: string, home: Home): Promise<number> {
  const port = await freePort();
  const server = createServer(async (request, response) => {
    const login = Buffer.from(request.headers.authorization?.split(" ")[1] ?? "", "base64").toString();
    const [user = "", hash = ""] = readFileSync(join(state, "users"), "utf8").trim().split(":");
    const isKnown = login.startsWith(`${user}:`) && (await compare(login.slice(user.length + 1), hash));
    response.statusCode = isKnown ? 200 : 401;
    response.end(isKnown && request.url?.includes("_catalog") ? '{"repositories":["strata"]}' : "");
  });
  const container = join(state, dockerNames(cloneId(home)).registry);
  const watch = setInterval(() => {
    if (!existsSync(container) || !readFileSync(container, "utf8").includes('"Running":true')) return;
    clearInterval(watch);
    server.listen(port, "127.0.0.1");
  }, 20);
  context.after(() => {
    clearInterval(watch);
    server.close();
  });
  process.env.STRATA_REGISTRY_PORT = String(port);
  context.after(() => {
    delete process.env.STRATA_REGISTRY_PORT;
  });
  return port;
}

test("an engine that will do is taken; without one processes are, and why is said", async (context) => {
  assert.equal((await chooseBuilderPlace(fakeDocker(context).home)).kind, "docker");
  const { home } = fakeDocker(
    context,
    'case "$1" in version | info) echo "Cannot connect to the Docker daemon" >&2; exit 1 ;; esac',
  );
  const user = context.mock.method(process as { getuid(): number }, "getuid", () => 0);
  const told = await noted(context, () => chooseBuilderPlace(home).then(({ kind }) => kind));
  assert.equal(told.result, "buildkitd");
  assert.match(
    told.notes,
    /processes without Docker, as the Docker engine does not answer .*then `make clean`\./,
  );
  user.mock.mockImplementation(() => 1000);
  await assert.rejects(
    chooseBuilderPlace(home),
    /does not answer .* needs root or rootlesskit\. Start Docker/,
  );
});

test("registry and builder are this clone's own, on loopback, and found again", async (context) => {
  const { home, state, calls } = fakeDocker(context);
  const port = await registryBehind(context, state, home);
  const place = await chooseBuilderPlace(home);
  const services = await ensureServices(home, place, {});
  const clone = cloneId(home);
  assert.deepEqual(services.registry, { kind: "docker", address: `127.0.0.1:${port}` });
  assert.deepEqual([services.builder.kind, services.builder.name], ["docker", "strata"]);
  assert.deepEqual(services.docker?.clone, clone);
  assert.match(
    calls(),
    new RegExp(
      `create --name strata-registry-${clone} .*--publish 127\\.0\\.0\\.1:${port}:${port} .*registry:3`,
    ),
  );
  assert.match(
    calls(),
    new RegExp(
      `buildx create --name strata --node strata-${clone} --driver docker-container .*image=moby/buildkit:v0\\.31\\.1 .*network=container:strata-registry-${clone} `,
    ),
  );
  assert.match(
    readFileSync(join(home.run, "buildkitd.toml"), "utf8"),
    new RegExp(`registry\\."127\\.0\\.0\\.1:${port}"`),
  );

  const password = readFileSync(join(home.logins, services.registry.address, "config.json"), "utf8");
  assert.equal(readFileSync(join(state, "../user/config.json"), "utf8").includes(authOf(password)), true);
  for (const secret of [authOf(password), passwordOf(password)]) assert.ok(!calls().includes(secret));

  const before = calls();
  assert.deepEqual(await ensureServices(home, place, {}), services);
  assert.doesNotMatch(calls().slice(before.length), /create|login|start|stop|rm /);
});

test("a registry that everybody could use is closed by the next make up, with the same data and address", async (context) => {
  const { home, state, calls } = fakeDocker(context);
  const port = await registryBehind(context, state, home);
  const place = await chooseBuilderPlace(home);
  const services = await ensureServices(home, place, {});
  const { registry, builder } = dockerNames(cloneId(home));
  const container = join(state, registry);
  writeFileSync(container, readFileSync(container, "utf8").replace("REGISTRY_AUTH=htpasswd", "A=b"));
  const before = calls().length;
  assert.deepEqual(await ensureServices(home, place, {}), services);
  assert.match(
    calls().slice(before),
    new RegExp(`rm --force ${registry}\n(.*\n)*create --name ${registry} .*${port}:${port}`),
  );
  assert.match(calls().slice(before), new RegExp(`restart -t 20 ${builder}\n`), "it has another network");
  assert.doesNotMatch(calls().slice(before), /volume rm|--volumes/);
});

test("a login that Docker does not take is told, and is no error", async (context) => {
  const { home, state } = fakeDocker(
    context,
    '[ "$1" != login ] || { cat >/dev/null; echo "no keychain" >&2; exit 1; }',
  );
  await registryBehind(context, state, home);
  const { notes } = await noted(context, async () =>
    ensureServices(home, await chooseBuilderPlace(home), {}),
  );
  assert.match(notes, /`docker login 127\.0\.0\.1:\d+` failed \(no keychain\): .*`make run`/);
});

test("a builder that stopped is started again with its cache; a changed one is made anew, and keeps its volume", async (context) => {
  const { home, state, calls } = fakeDocker(
    context,
    '[ ! -e stopped ] || [ "$1 $2" != "buildx inspect" ] || { rm stopped; echo "Status: inactive"; exit 0; }',
  );
  await registryBehind(context, state, home);
  const place = await chooseBuilderPlace(home);
  await ensureServices(home, place, {});
  const builder = dockerNames(cloneId(home)).builder;

  writeFileSync(join(state, "stopped"), "");
  let before = calls().length;
  await ensureServices(home, place, {});
  assert.match(
    calls().slice(before),
    new RegExp(`restart -t 20 ${builder}\nbuildx inspect --bootstrap strata`),
  );
  assert.doesNotMatch(calls().slice(before), /buildx create/);

  process.env.STRATA_BUILDER_GC_GB = "12";
  context.after(() => {
    delete process.env.STRATA_BUILDER_GC_GB;
  });
  before = calls().length;
  await ensureServices(home, place, {});
  const after = calls().slice(before);
  assert.match(
    after,
    new RegExp(`stop -t 20 ${builder}\n(.*\n)*rm --force ${builder}\n(.*\n)*buildx create`),
  );
  assert.doesNotMatch(after, /volume rm|--volumes/);
});

test("a port that another clone's registry has is told by its folder", async (context) => {
  const { home, state } = fakeDocker(
    context,
    '[ "$1" != ps ] || { printf "strata-registry-1\\t/home/ada/strata\\n"; exit 0; }',
  );
  const port = await registryBehind(context, state, home);
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(port, "127.0.0.1", resolve));
  context.after(() => other.close());
  await assert.rejects(
    ensureServices(home, await chooseBuilderPlace(home), {}),
    new RegExp(`port ${port}: is in use by the registry of /home/ada/strata`),
  );
});

test("another engine behind the same words is noticed, and a copied clone is told whose things these are", async (context) => {
  const { folder, home, state } = fakeDocker(context);
  await registryBehind(context, state, home);
  await ensureServices(home, await chooseBuilderPlace(home), {});
  const copy = homeAt(join(folder, "copy"));
  mkdirSync(copy.root);
  writeFileSync(copy.services, readFileSync(home.services));
  await assert.rejects(
    ensureServices(copy, await chooseBuilderPlace(copy), {}),
    new RegExp(`copy: is a copy of ${home.root}, whose`),
  );
  // Neither is the original's stopped or removed from there.
  const running = readFileSync(join(state, dockerNames(cloneId(home)).registry), "utf8");
  assert.deepEqual(await stopServices(copy), []);
  await removeFromDocker(copy, await recallServices(copy), false);
  assert.equal(readFileSync(join(state, dockerNames(cloneId(home)).registry), "utf8"), running);

  writeFileSync(home.services, readFileSync(home.services, "utf8").replace("engine-1", "engine-0"));
  await assert.rejects(
    chooseBuilderPlace(home),
    /is not the one that `docker` talks to now .*DOCKER_CONTEXT/,
  );
  await assert.rejects(stopServices(home), /is not the one/);
  const kept = await removeFromDocker(home, await recallServices(home), false);
  assert.match(
    kept.join("\n"),
    /not removed, as .*docker volume rm buildx_buildkit_strata-\w+_state strata-registry-/s,
  );
  assert.ok(existsSync(join(state, dockerNames(cloneId(home)).registry)));
});

test("what was stopped is what ran; what is removed is this clone's, and others are named", async (context) => {
  const { home, state, calls } = fakeDocker(
    context,
    `[ "$1 $2" != "image ls" ] || {
    printf "127.0.0.1:$STRATA_REGISTRY_PORT/strata\\t<none>\\tsha256:1\\n127.0.0.1:$STRATA_REGISTRY_PORT/mine\\tv1\\t<none>\\n"; exit 0; }`,
  );
  await registryBehind(context, state, home);
  await ensureServices(home, await chooseBuilderPlace(home), {});
  assert.deepEqual(await stopServices(home), ["builder", "registry"]);
  assert.deepEqual(await stopServices(home), []);
  writeFileSync(
    join(state, "volumes"),
    [
      `${home.root}\tmine`,
      "/gone/.strata\tbuildx_buildkit_strata-0_state",
      "/gone/.strata\tstrata-registry-0",
      `/tmp\tx`,
    ].join("\n"),
  );
  const kept = await removeFromDocker(home, await recallServices(home), false);
  const { builder, builderVolume, registry } = dockerNames(cloneId(home));
  assert.ok(
    calls().includes(`rm --force --volumes ${builder} ${registry}\nvolume rm ${builderVolume} ${registry}\n`),
  );
  assert.match(
    calls(),
    /image rm 127\.0\.0\.1:\d+\/strata@sha256:1\n/,
    "what the registry does not have stays",
  );
  assert.deepEqual(kept, [
    "left in Docker by /gone/.strata, which is gone: docker rm --force buildx_buildkit_strata-0 strata-registry-0; docker volume rm buildx_buildkit_strata-0_state strata-registry-0",
    "kept in Docker: builder and registry of /tmp",
  ]);
});

const authOf = (config: string) => /"auth": "([^"]+)"/.exec(config)?.[1] ?? "none";
const passwordOf = (config: string) =>
  Buffer.from(authOf(config), "base64").toString().split(":")[1] ?? "none";

/** What a call says to the user. */
async function noted<T>(context: TestContext, work: () => Promise<T>): Promise<{ result: T; notes: string }> {
  const write = context.mock.method(process.stderr, "write", () => true);
  try {
    const result = await work();
    return { result, notes: write.mock.calls.map(({ arguments: [text] }) => String(text)).join("") };
  } finally {
    write.mock.restore();
  }
}
