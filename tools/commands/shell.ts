import { parseArgs } from "node:util";
import { UserError } from "../../errors.ts";
import { home } from "../../home.ts";
import { fileSystem } from "../../lib/plan/partial-update.ts";
import { main } from "../program/main.ts";
import { openSessionStack, runSession } from "../shell/enter.ts";

/**
 * `make shell`: a shell in a stage, with the files of the product's stages up to it; without a layer in the product.
 * Stages that are not built yet are built first. The exit code is the command's.
 */
await main(async () => {
  const { values } = parseArgs({
    options: {
      stack: { type: "string", default: "dev" },
      layer: { type: "string", default: "" },
      command: { type: "string" },
    },
  });
  const { layer, command } = values;
  const terminal = process.stdin.isTTY && process.stdout.isTTY;
  if (!command && !terminal) {
    throw new UserError(
      "make shell",
      "there is no terminal to type in.",
      "Give it a command: make shell LAYER=torch COMMAND='python -V'",
    );
  }
  const place = await openSessionStack(home, values.stack, "make shell");
  const { plan } = place.planned;
  const hostname = layer || plan.recipe;
  return (await runSession(home, place, fileSystem(plan, hostname), { hostname, command, terminal })).code;
});
