/** Usage: enter.ts COMMAND REFERENCE... Runs a line on these images, as `make shell` does on a stack's stages. */
import { home } from "../../../home.ts";
import { main } from "../../../tools/program/main.ts";
import { runWithRunc } from "../../../tools/shell/runc.ts";
import { joinedImage } from "../../../tools/shell/session.ts";
import { ensureTools } from "../../../tools/toolchain/toolchain.ts";

await main(async () => {
  const [command, ...references] = process.argv.slice(2);
  const { runc } = await ensureTools(home, ["runc"], true);
  if (!runc) throw new Error("runc is not resolved");
  const image = await joinedImage(references, { FROM_THE_RECIPE: "yes" });
  return (await runWithRunc(home, runc.path, { hostname: "inside", image, command, terminal: false })).code;
});
