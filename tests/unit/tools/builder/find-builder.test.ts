import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type TestContext, test } from "node:test";
import { homeAt } from "../../../../home.ts";
import { findBuilder } from "../../../../tools/builder/find-builder.ts";
import { temporaryFolder } from "../../support/folder.ts";

function homeWith(
  t: TestContext,
  instances: Readonly<Record<string, object>>,
  more: Readonly<Record<string, string>> = {},
) {
  const home = homeAt(temporaryFolder(t));
  const write = (path: string, text: string) => {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  };
  for (const [path, instance] of Object.entries(instances))
    write(join(home.root, path), JSON.stringify(instance));
  for (const [path, text] of Object.entries(more)) write(join(home.root, path), text);
  return home;
}

const remote = (Endpoint: string, DriverOpts: object | null = null) => ({
  Name: "any",
  Driver: "remote",
  Nodes: [{ Name: "any0", Endpoint, DriverOpts }],
});
const own = "docker/buildx/instances";
const program = { "bin/buildctl": "" };

test("a builder that is reached by an address is spoken to by buildctl, with its certificates", async (t) => {
  const tls = { cacert: "/c/ca", cert: "/c/cert", key: "/c/key", servername: "b1" };
  const home = homeWith(
    t,
    { [`${own}/strata`]: remote("unix:///run/strata.sock"), [`${own}/mine`]: remote("tcp://b1:1234", tls) },
    program,
  );
  const buildctl = join(home.bin, "buildctl");
  assert.deepEqual(await findBuilder(home, "strata", {}), {
    buildctl: [buildctl, "--addr", "unix:///run/strata.sock"],
    buildx: {},
  });
  assert.deepEqual((await findBuilder(home, "mine", {})).buildctl, [
    buildctl,
    ...["--addr", "tcp://b1:1234", "--tlscacert", "/c/ca", "--tlscert", "/c/cert", "--tlskey", "/c/key"],
    ...["--tlsservername", "b1"],
  ]);
});

test("the ways of a run come before what is known of this machine", async (t) => {
  const home = homeWith(
    t,
    {
      [`${own}/strata`]: remote("unix:///own.sock"),
      "ways/buildx/instances/strata": remote("unix:///way.sock"),
    },
    program,
  );
  const found = await findBuilder(home, "strata", { STRATA_WAYS: join(home.root, "ways") });
  assert.equal(found.buildctl?.at(-1), "unix:///way.sock");
});

test("any other driver is buildx's, and so is an address without buildctl", async (t) => {
  const driver = {
    Name: "strata",
    Driver: "docker-container",
    Nodes: [{ Name: "s", Endpoint: "unix:///docker.sock" }],
  };
  const expected = (home: ReturnType<typeof homeAt>) => ({
    buildctl: undefined,
    buildx: { BUILDX_CONFIG: join(home.docker, "buildx") },
  });
  const docker = homeWith(t, { [`${own}/strata`]: driver }, program);
  assert.deepEqual(await findBuilder(docker, "strata", {}), expected(docker));
  const bare = homeWith(t, { [`${own}/strata`]: remote("unix:///own.sock") });
  assert.deepEqual(await findBuilder(bare, "strata", {}), expected(bare));
});

test("one that nobody has written down is the user's own", async (t) => {
  assert.deepEqual(await findBuilder(homeWith(t, {}), "mine", {}), { buildctl: undefined, buildx: {} });
});
