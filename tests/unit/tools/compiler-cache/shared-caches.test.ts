import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { homeAt } from "../../../../home.ts";
import { sharedCaches } from "../../../../tools/compiler-cache/shared-caches.ts";
import {
  type CacheUsers,
  withCompilerCaches,
} from "../../../../tools/compiler-cache/with-compiler-caches.ts";
import { layersFolder, plan, sampleLayer, sampleRecipe } from "../../../support/layers.ts";
import { temporaryFolder } from "../../support/folder.ts";

const mount = (id: string) => `RUN --mount=type=cache,id=${id},target=/root/.cache/ccache true\n`;
const files = {
  "system/Dockerfile": "FROM base\n",
  "toolbox/Dockerfile": "FROM base\n",
  "dlib/Dockerfile": `FROM toolbox\n${mount("strata-ccache-dlib")}`,
  "plain/Dockerfile": "FROM toolbox\n",
  "alone/Dockerfile": `FROM base\n${mount("strata-ccache-alone")}`,
};

test("a plan's caches are those of stages that compile in the toolbox", (t) => {
  const folder = layersFolder(t, files);
  const layers = [
    sampleLayer("system", [], { role: "system" }),
    ...["dlib", "plain"].map((name) => sampleLayer(name, ["toolbox"])),
    sampleLayer("alone"),
  ];
  const planned = plan(folder, sampleRecipe(layers, [sampleLayer("toolbox", [], { role: "build" })]));
  const found = sharedCaches({ plan: planned, config: { base: "debian-trixie" } });
  assert.deepEqual(
    found.map(({ stage, tools, mount: id, series }) => [stage.name, tools.name, id, series]),
    [["dlib", "toolbox", "strata-ccache-dlib", "cache-ccache-dlib-debian-trixie"]],
  );
});

test("without the setting a build is a build; with a registry that refuses as well, and a line says so", async (t) => {
  const folder = layersFolder(t, files);
  const layers = [sampleLayer("system", [], { role: "system" }), sampleLayer("dlib", ["toolbox"])];
  const planned = plan(folder, sampleRecipe(layers, [sampleLayer("toolbox", [], { role: "build" })]));
  const server = createServer((_, answer) => answer.writeHead(403).end()).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const said: string[] = [];
  t.mock.method(process.stderr, "write", (text: string) => said.push(text) > 0);
  const build = (compilerCache?: object) => {
    const registry = { kind: "oci", address, repository: "team/strata" };
    const config = { base: "debian-bookworm", registry, builder: "strata", builders: {}, compilerCache };
    const users = {
      home: homeAt(temporaryFolder(t)),
      stack: { environment: {} },
      planned: { plan: planned, config },
    };
    return withCompilerCaches(users as unknown as CacheUsers, async () => 7);
  };
  assert.equal(await build(), 7);
  assert.equal(said.length, 0);
  assert.equal(await build({ kind: "registry", gigabytes: 4, write: true }), 7);
  const lines = said.filter((line) => line.startsWith("compiler cache of dlib: "));
  assert.match(lines[0] ?? "", /was not filled, so all of it is compiled \(.* 403/);
  assert.match(lines[1] ?? "", /was not kept \(/);
  assert.equal(lines.length, 2);
});
