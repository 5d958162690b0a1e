import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, globSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { test } from "node:test";
import { repository } from "../../../home.ts";
import { temporaryFolder } from "../support/folder.ts";

const read = (path: string) => readFileSync(join(repository, path), "utf8");
const programs = (folder: string) => globSync(`tools/${folder}/*.ts`, { cwd: repository }).sort();
const commands = programs("commands").map((path) => basename(path, ".ts"));
const scripts: Readonly<Record<string, string>> = JSON.parse(read("package.json")).scripts;
const makefile = read("Makefile");
const targets = [...makefile.matchAll(/^([a-z-]+):/gm)].map(([, name = ""]) => name);

/** Names for a command with some of its words, and programs that are none of strata's own. */
const shorthands = ["check", "fix", "test:fast", "bench"];
/** What npm itself starts; `make` has no business with it. */
const hooks = ["prepare"];

test("a command is its file, its make target and its npm script", () => {
  for (const name of commands) {
    assert.equal(scripts[name], `tools/bootstrap.sh tools/commands/${name}.ts`);
    assert.match(
      makefile,
      new RegExp(`^${name}: ## .+\\n\\t@\\$\\(NODE\\) \\$\\(COMMANDS\\)/${name}\\.ts `, "m"),
    );
  }
  const named = [...commands, ...shorthands];
  assert.deepEqual(Object.keys(scripts).sort(), [...named, ...hooks].sort());
  assert.deepEqual(targets.sort(), [...named.map((name) => name.replace(":", "-")), "help"].sort());
});

test("make help lists every target, and .PHONY has them all", () => {
  const help = execFileSync("make", ["--no-print-directory", "help"], { cwd: repository, encoding: "utf8" });
  const phony = /^\.PHONY: (.*\\\n.*)$/m.exec(makefile)?.[1]?.split(/[\s\\]+/) ?? [];
  assert.deepEqual(phony.toSorted(), targets.toSorted());
  for (const target of targets) assert.match(help, new RegExp(`^  make ${target} +\\S`, "m"));
});

test("the words for one command do not reach those that it starts", (t) => {
  const folder = temporaryFolder(t);
  const head = makefile.slice(0, makefile.indexOf(".DEFAULT_GOAL"));
  writeFileSync(
    join(folder, "Makefile"),
    `${head}\nouter:\n\t@env make inner\ninner:\n\t@echo "<$(ARGS)>"\n`,
  );
  const out = execFileSync("make", ["--no-print-directory", "outer", "ARGS=unit"], {
    cwd: folder,
    encoding: "utf8",
  });
  assert.match(out, /^<>$/m);
});

test("the name of a stack or layer reaches its command as it is, whatever make or a shell would read in it", (t) => {
  const folder = temporaryFolder(t);
  writeFileSync(
    join(folder, "show.sh"),
    '#!/bin/sh\nfor word in "$@" "$STRATA_RECIPE" "$STRATA_COMMAND"; do echo "<$word>"; done\n',
    { mode: 0o755 },
  );
  const mine = makefile.replace(/^NODE := .*$/m, `NODE := ${join(folder, "show.sh")}`);
  writeFileSync(join(folder, "Makefile"), mine);
  for (const name of [
    "a b",
    "$(shell touch made)",
    "$(touch made)",
    "`touch made`",
    '"; touch made; "',
    "ada'",
  ]) {
    for (const [goal = "", variable = "", option = ""] of [
      ["up", "STACK", "--stack"],
      ["rollback", "STACK", "--stack"],
      ["stage", "LAYER", "--layer"],
    ]) {
      const words = [
        "--no-print-directory",
        goal,
        `${variable}=${name}`,
        `RECIPE=${name}`,
        `COMMAND=${name}`,
      ];
      const out = execFileSync("make", words, { cwd: folder, encoding: "utf8" });
      assert.ok(out.includes(`<${option}>\n<${name}>\n`), out);
      assert.ok(out.endsWith(`<${name}>\n<${name}>\n`), out);
    }
  }
  assert.ok(!existsSync(join(folder, "made")));
});

test("commands and steps start through the one main, and do nothing else", () => {
  for (const path of [...programs("commands"), ...programs("steps")]) {
    const text = read(path);
    assert.equal(text.match(/^await /gm)?.length, 1, path);
    assert.match(text, /^await main\(/m, path);
    assert.doesNotMatch(text, /process\.exit\(/, path);
  }
});

test("every command tells how it is called, without doing anything", () => {
  for (const name of commands) {
    const text = read(`tools/commands/${name}.ts`);
    assert.match(text, new RegExp(`^const HELP = \`Usage: npm (run )?${name}\\b`, "m"), name);
    assert.match(text, /^ *\{ help: HELP\b|^await main\(.*\{ help: HELP\b/m, name);
  }
  const help = execFileSync(process.execPath, ["tools/commands/clean.ts", "--help"], {
    cwd: repository,
    encoding: "utf8",
    env: { ...process.env, STRATA_HOME: "/nonexistent" },
  });
  assert.match(help, /^Usage: npm run clean /);
});
