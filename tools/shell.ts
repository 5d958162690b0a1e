import { parseArgs } from "node:util";
import { UserError } from "../errors.ts";
import { fileSystem } from "../lib/part.ts";
import { home } from "./home.ts";
import { main } from "./main.ts";
import { note } from "./progress.ts";
import { ensureBuilt } from "./pulumi/build-part.ts";
import { openStack } from "./pulumi/open.ts";
import { plannedStack, stageReference } from "./pulumi/planned.ts";
import { recallServices } from "./services/services.ts";
import { runInDocker } from "./shell/docker.ts";
import { runWithRunc } from "./shell/runc.ts";
import { joinedImage } from "./shell/session.ts";
import { ensureTools } from "./toolchain/toolchain.ts";

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
  const stack = await openStack(home, values.stack);
  const docker = (await recallServices(home))?.builder.kind === "docker";
  if (!docker && process.getuid?.() !== 0) {
    throw new UserError(
      "make shell",
      "needs a Docker engine, or root.",
      "Start Docker and `make clean` to begin again with it, or run the command as root.",
    );
  }
  const { plan, config } = await plannedStack(home, stack);
  const stages = fileSystem(plan, layer || plan.recipe);
  const code = await ensureBuilt(home, stack, { plan, config }, stages);
  if (code !== 0) return code;

  const references = stages.map((stage) => stageReference(home, config, stage));
  const forBuilds = stages.some(({ role }) => role === "build");
  const image = await joinedImage(references, forBuilds ? {} : plan.environment);
  const session = { hostname: layer || plan.recipe, image, command, terminal };
  if (terminal) note(`In ${session.hostname}; what you write here is gone when you leave.`);
  if (docker) return await runInDocker(session);
  const { runc } = await ensureTools(home, ["runc"], true);
  if (!runc) throw new Error("runc is not resolved");
  return await runWithRunc(home, runc.path, session);
});
