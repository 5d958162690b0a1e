import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { satisfies } from "compare-versions";
import { homeAt } from "../../../../home.ts";
import { publishedChecksum } from "../../../../tools/toolchain/download.ts";
import { executables, findOnPath } from "../../../../tools/toolchain/find.ts";
import { buildName, goModules, hashFolder } from "../../../../tools/toolchain/go-build.ts";
import { pluginPath } from "../../../../tools/toolchain/plugins.ts";
import { resolveTool } from "../../../../tools/toolchain/resolve-tool.ts";
import { findVersion } from "../../../../tools/toolchain/tool-versions.ts";
import { toolNames, tools } from "../../../../tools/toolchain/tools.ts";
import { script, temporaryFolder } from "../../support/folder.ts";

const range = ">=3.200 <4.0";

test("the first suitable program on PATH is taken, older and broken ones are passed over", async (context) => {
  const folder = temporaryFolder(context);
  const old = script(join(folder, "a/tool"), "echo v3.100.0");
  const broken = script(join(folder, "b/tool"), "exit 1");
  const good = script(join(folder, "c/tool"), "echo v3.250.1");
  script(join(folder, "d/tool"), "echo v3.260.0");
  const path = ["a", "b", "c", "d"].map((name) => join(folder, name)).join(":");
  assert.deepEqual(await findOnPath("tool", ["version"], range, path), { path: good, version: "3.250.1" });
  const only = await findOnPath("tool", ["version"], range, `${join(folder, "a")}:${join(folder, "b")}`);
  assert.deepEqual(only, { rejected: [`${old} is 3.100.0`, `${broken} is of an unknown version`] });
});

test("folders and files that cannot be run are no programs", (context) => {
  const folder = temporaryFolder(context);
  mkdirSync(join(folder, "a/tool"), { recursive: true });
  mkdirSync(join(folder, "b"));
  writeFileSync(join(folder, "b/tool"), "");
  const good = script(join(folder, "c/tool"), "true");
  const path = ["a", "b", "c", "c"].map((name) => join(folder, name)).join(":");
  assert.deepEqual(executables("tool", path), [good]);
});

function surroundings(context: TestContext) {
  const folder = temporaryFolder(context);
  return {
    folder,
    home: homeAt(join(folder, "home")),
    cache: join(folder, "cache"),
    path: join(folder, "bin"),
  };
}

test("a tool on PATH needs neither network nor Go", async (context) => {
  const { folder, ...where } = surroundings(context);
  const path = script(join(folder, "bin/registry"), "echo registry v3.0.0");
  assert.deepEqual(await resolveTool("registry", where), { path, version: "3.0.0", source: "on PATH" });
});

test("the language host beside the chosen CLI is taken, and linked where the CLI does not warn of it", async (context) => {
  const { folder, ...where } = surroundings(context);
  const host = script(join(folder, "pulumi/pulumi-language-nodejs"), "true");
  const pulumi = { path: join(folder, "pulumi/pulumi"), version: "3.259.0", source: "on PATH" };
  const found = await resolveTool("pulumi-language-nodejs", { ...where, pulumi });
  assert.equal(found.path, host);
  assert.deepEqual(
    executables(
      "pulumi-language-nodejs",
      join(pluginPath(where.home.pulumi, "pulumi-language-nodejs"), ".."),
    ),
    [pluginPath(where.home.pulumi, "pulumi-language-nodejs")],
  );
});

test("a plugin that the user's own CLI has installed is taken", async (context) => {
  const { folder, ...where } = surroundings(context);
  const users = join(folder, "users-pulumi");
  const program = script(pluginPath(users, "pulumi-resource-command"), "true");
  const before = process.env.PULUMI_HOME;
  process.env.PULUMI_HOME = users;
  context.after(() => {
    if (before === undefined) delete process.env.PULUMI_HOME;
    else process.env.PULUMI_HOME = before;
  });
  const found = await resolveTool("pulumi-resource-command", where);
  assert.deepEqual([found.path, found.source], [program, "the user's Pulumi plugins"]);
});

test("every tool can be had in some way, and its own version is one that it accepts", () => {
  for (const name of toolNames) {
    const { accepts, go, release, debian, script: standIn, version } = tools[name];
    assert.ok(go ?? release ?? debian ?? standIn, name);
    if (!accepts) continue;
    const [from = "", below = ""] = accepts.range.split(" ").map((end) => end.replace(/^(>=|<)/, ""));
    for (const text of [version, from, below]) assert.ok(findVersion(text), `${name}: ${text}`);
    const verdicts = [version, from, below].map((text) => satisfies(text, accepts.range));
    assert.deepEqual(verdicts, [true, true, false], name);
  }
});

test("a build's name changes with its source, its flags and its compiler, and with nothing else", () => {
  const build = { module: "m", package: "p", ldflags: "-s" };
  const name = buildName("tool", "1.0", build, "source", "go1.26.0");
  assert.equal(buildName("tool", "1.0", { ...build }, "source", "go1.26.0"), name);
  assert.match(name, /^tool-1\.0-[0-9a-f]{16}$/);
  assert.notEqual(buildName("tool", "1.0", build, "other", "go1.26.0"), name);
  assert.notEqual(buildName("tool", "1.0", { ...build, ldflags: "" }, "source", "go1.26.0"), name);
  assert.notEqual(buildName("tool", "1.0", { ...build, tags: "t" }, "source", "go1.26.0"), name);
  assert.notEqual(buildName("tool", "1.0", build, "source", "go1.27.0"), name);
});

test("a module's hash covers names and contents of all its files, wherever it lies", (context) => {
  const write = (name: string, file: string, text: string) => {
    const folder = join(temporaryFolder(context), name);
    mkdirSync(join(folder, "java"), { recursive: true });
    writeFileSync(join(folder, "go.mod"), "module x");
    writeFileSync(join(folder, "java", file), text);
    return hashFolder(folder);
  };
  const hash = write("a", "java.go", "1");
  assert.equal(write("b", "java.go", "1"), hash);
  assert.notEqual(write("c", "java.go", "2"), hash);
  assert.notEqual(write("d", "other.go", "1"), hash);
});

test("every Go module of the table is pinned", () => {
  for (const name of toolNames) {
    const module = tools[name].go?.module;
    if (module) assert.match(hashFolder(join(goModules, module)), /^[0-9a-f]{64}$/);
  }
});

test("checksums are found by the archive's own name", () => {
  const sum = "a".repeat(64);
  const lines = `${"b".repeat(64)}  x-arm64.tar.gz\n${sum.toUpperCase()} *./dist/x.tar.gz\n`;
  assert.equal(publishedChecksum(lines, "x.tar.gz"), sum);
  assert.equal(publishedChecksum(lines, "y.tar.gz"), undefined);
  assert.equal(publishedChecksum("short  x.tar.gz", "x.tar.gz"), undefined);
});
