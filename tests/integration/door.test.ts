/**
 * The door with the real Caddy: builds it from the module that the layer `caddy` pins, and runs the tests of
 * tests/python/test_door_caddy.py and test_door_image.py with it.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { execa } from "execa";
import { cache, repository } from "../../home.ts";
import { caddyVersion } from "../../layers/caddy/layer.ts";
import { keptWheels } from "../../tools/lint/wheels.ts";
import { executables } from "../../tools/toolchain/find.ts";
import { goBuild } from "../../tools/toolchain/go-build.ts";

const wheels = await keptWheels("tests/python/requirements.txt", "python3");
const skip =
  wheels.missing ??
  (executables("go", process.env.PATH ?? "").length === 0 && "there is no Go to build Caddy with");

test("nobody passes the door without a login, and who has one gets what is his", { skip }, async () => {
  const build = {
    module: "../../layers/caddy",
    package: "github.com/caddyserver/caddy/v2/cmd/caddy",
    ldflags: "-s -w",
  };
  const { path } = await goBuild("caddy", caddyVersion, build, cache);
  const { exitCode, all } = await execa("python3", ["-m", "unittest", "test_door_caddy", "test_door_image"], {
    cwd: join(repository, "tests/python"),
    env: { STRATA_TEST_CADDY: path, PYTHONPATH: wheels.folder, PYTHONDONTWRITEBYTECODE: "1" },
    all: true,
    reject: false,
  });
  assert.equal(exitCode, 0, all);
  assert.match(all, /^Ran \d\d tests/m);
  assert.doesNotMatch(all, /skipped=/, "openssl is part of what tests need");
});
