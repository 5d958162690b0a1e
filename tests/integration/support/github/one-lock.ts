/**
 * In place of `lock -- all`, which takes an hour and the network: the real command for base images, after the real resolver has
 * met a package that exists only as source and had to run its build program. Whatever else is asked of the command it gets.
 */
import { resolveRequirements } from "../../../../tools/lock/resolve-requirements.ts";
import { installUv } from "../../../../tools/lock/uv.ts";

if (process.argv.includes("all")) {
  const lock = await resolveRequirements(await installUv(), {
    path: "locks/python/source-only.txt",
    python: "3.12",
    mayMiss: false,
    requirements: [{ line: "source-only==1", by: "a test" }],
    aliases: undefined,
  });
  console.log(lock);
  process.argv[2] = "images";
}
await import("../../../../tools/commands/lock.ts");
