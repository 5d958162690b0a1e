import { parseArgs } from "node:util";
import { execa } from "execa";
import { home } from "./home.ts";
import { main } from "./main.ts";
import { openStack } from "./pulumi/open.ts";

/** `make preview`: says what `make up` would do. Nothing is built, but the base image has to be known. */
await main(async () => {
  const { values } = parseArgs({ options: { stack: { type: "string", default: "dev" } } });
  const { pulumi, name, folder, environment } = await openStack(home, values.stack);
  const result = await execa(pulumi, ["preview", "--refresh=false", "--non-interactive", "--stack", name], {
    cwd: folder,
    env: environment,
    stdio: ["ignore", "inherit", "inherit"],
    reject: false,
  });
  return result.exitCode ?? 1;
});
