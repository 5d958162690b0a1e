import { parseArgs } from "node:util";
import { UserError } from "../../errors.ts";
import { home } from "../../home.ts";
import { fileSystem } from "../../lib/plan/partial-update.ts";
import { main } from "../program/main.ts";
import { openSessionStack, runSession } from "../shell/enter.ts";

const HELP = `Usage: npm run shell -- [--layer NAME] [--command TEXT] [--stack NAME]

  --layer NAME    a stage, with the files of the product's stages up to it (default: the product)
  --command TEXT  run this by sh instead of opening a shell
  --stack NAME    the Pulumi stack: Pulumi.<NAME>.yaml (default: dev)

Stages that are not built yet are built first. The exit status is the command's.`;

/**
 * `make shell`: a shell in a stage, with the files of the product's stages up to it; without a layer in the product.
 * Stages that are not built yet are built first. The exit code is the command's.
 */
await main(
  async () => {
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
  },
  { help: HELP },
);
