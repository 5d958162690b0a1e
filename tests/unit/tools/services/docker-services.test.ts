import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { homeAt } from "../../../../home.ts";
import { chooseBuilderKind, ensureServices } from "../../../../tools/services/services.ts";
import { script, temporaryFolder } from "../../support/folder.ts";

/** A `docker` that writes down its calls and behaves as an engine on which nothing runs yet. */
function fakeDocker(context: TestContext, answers = "") {
  const folder = temporaryFolder(context);
  const calls = join(folder, "calls");
  script(
    join(folder, "bin/docker"),
    `echo "$*" >> '${calls}'\n${answers}\ncase "$1 $2" in "inspect --format"|"buildx inspect") exit 1;; esac`,
  );
  const before = process.env.PATH;
  process.env.PATH = `${join(folder, "bin")}:${before}`;
  context.after(() => {
    process.env.PATH = before;
  });
  return {
    home: homeAt(join(folder, "home")),
    bin: join(folder, "bin"),
    calls: () => (existsSync(calls) ? readFileSync(calls, "utf8") : ""),
  };
}

test("an engine that answers is taken, one that does not is not", async (context) => {
  assert.equal(await chooseBuilderKind(fakeDocker(context).home), "docker");
  assert.equal(await chooseBuilderKind(fakeDocker(context, "[ $1 != info ] || exit 1").home), "buildkitd");
});

test("registry and builder are made on loopback, and found again", async (context) => {
  // Stands in for the registry that the container would be.
  const server = createServer((_, answer) => answer.end());
  const { home, bin, calls } = fakeDocker(
    context,
    'case "$1 $2" in "run --detach"|"buildx create") touch "$0.$1";; esac\n' +
      '[ "$1 $2" != "inspect --format" ] || { [ -e "$0.run" ] && cat "$0.port" && exit 0; exit 1; }\n' +
      '[ "$1 $2" != "buildx inspect" ] || { [ -e "$0.buildx" ] && echo "Status: running" && exit 0; exit 1; }',
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  assert.ok(typeof address === "object" && address);
  const { port } = address;
  await new Promise((resolve) => server.close(resolve));
  const started = createServer((_, answer) => answer.end());
  context.after(() => started.close());
  writeFileSync(join(bin, "docker.port"), String(port));
  process.env.STRATA_REGISTRY_PORT = String(port);
  context.after(() => {
    delete process.env.STRATA_REGISTRY_PORT;
  });
  // The port is free when it is chosen, and answers once the container has been started.
  const watch = setInterval(() => {
    if (!existsSync(join(bin, "docker.run"))) return;
    clearInterval(watch);
    started.listen(port, "127.0.0.1");
  }, 20);

  const services = await ensureServices(home, "docker", {});
  assert.deepEqual(services.registry, { kind: "docker", address: `127.0.0.1:${port}` });
  assert.deepEqual([services.builder.kind, services.builder.name], ["docker", "strata"]);
  assert.match(calls(), new RegExp(`run --detach .*--publish 127\\.0\\.0\\.1:${port}:5000 .*registry:3`));
  assert.match(
    calls(),
    /buildx create --name strata --driver docker-container .*image=moby\/buildkit:v0\.31\.1 .*network=host/,
  );
  assert.match(
    readFileSync(join(home.run, "buildkitd.toml"), "utf8"),
    new RegExp(`registry\\."127\\.0\\.0\\.1:${port}"`),
  );

  const before = calls();
  assert.deepEqual(await ensureServices(home, "docker", {}), services);
  assert.doesNotMatch(calls().slice(before.length), /run --detach|buildx create/);
});
