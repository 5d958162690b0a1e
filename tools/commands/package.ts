import { join } from "node:path";
import { parseArgs } from "node:util";
import { repository } from "../../home.ts";
import { compilePackage } from "../package/compile.ts";
import { packPackage } from "../package/pack.ts";
import { main } from "../program/main.ts";
import { withProgress } from "../program/progress.ts";

const HELP = `Usage: npm run package -- [--out FOLDER]

  --out FOLDER  where the package goes (default: the working folder)
  --compile     make dist/ and no package: npm's prepare, for an installation from git

Compiles strata and packs it as strata-<version>.tgz, for npm install in another project: docs/package.md.`;

/** `npm run package`: strata for another project's node_modules. */
await main(
  async () => {
    const { values } = parseArgs({
      options: { out: { type: "string", default: "." }, compile: { type: "boolean", default: false } },
    });
    if (values.compile) {
      await withProgress("Compiling strata", () => compilePackage(join(repository, "dist")));
      return 0;
    }
    const file = await withProgress("Packing strata", () => packPackage(values.out));
    process.stdout.write(`${file}\n`);
    return 0;
  },
  { help: HELP },
);
