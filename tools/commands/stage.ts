import { parseArgs } from "node:util";
import prettyBytes from "pretty-bytes";
import { home } from "../../home.ts";
import { topPaths } from "../../lib/audit/top-paths.ts";
import { stageNamed, withParents } from "../../lib/plan/partial-update.ts";
import { openLayer, readImage } from "../../oci/read/image.ts";
import { listLayer } from "../../oci/read/listing-cache.ts";
import { withCompilerCaches } from "../compiler-cache/with-compiler-caches.ts";
import { main } from "../program/main.ts";
import { elapsed, withProgress } from "../program/progress.ts";
import { buildStages } from "../pulumi/build-stages.ts";
import { openStack } from "../pulumi/open-stack.ts";
import { plannedStack, stageReference } from "../stack/outputs.ts";

/** So many paths are shown. */
const ROWS = 12;

const HELP = `Usage: npm run stage -- --layer NAME [--stack NAME]

  --layer NAME  the layer to build, with what it needs; a wrong name lists them
  --stack NAME  the Pulumi stack: Pulumi.<NAME>.yaml (default: dev)

Builds one layer without a product, and says what is in it.`;

/** `make stage`: builds one layer and what it needs, without a product, and says what came out. */
await main(
  async () => {
    const started = Date.now();
    const { values } = parseArgs({
      options: { stack: { type: "string", default: "dev" }, layer: { type: "string", default: "" } },
    });
    const stack = await openStack(home, values.stack);
    const { plan, config } = await plannedStack(home, stack);
    const stage = stageNamed(plan, values.layer);
    const code = await withCompilerCaches(
      { home, stack, planned: { plan, config } },
      () => buildStages(home, stack, plan, [stage.name]),
      withParents(plan, [stage.name]),
    );
    if (code !== 0) return code;

    const reference = stageReference(home, config, stage);
    const image = await readImage(reference);
    const listings = await withProgress("Listing its files", () =>
      Promise.all(
        image.layers.map((layer) => listLayer(home.audit, layer.digest, () => openLayer(reference, layer))),
      ),
    );
    const files = listings.flatMap(({ entries }) => entries).filter(({ type }) => type !== "directory");
    const unpacked = prettyBytes(files.reduce((sum, { size }) => sum + size, 0));
    const { paths, elsewhere } = topPaths(files, ROWS);
    const row = (bytes: number, text: string) => `  ${prettyBytes(bytes).padStart(8)}  ${text}`;
    process.stdout.write(
      [
        "",
        `stage     ${stage.name}: ${stage.summary}`,
        `image     ${reference.replace(/:[^:]*$/, "")}@${image.digest}`,
        `size      ${prettyBytes(image.bytes)} compressed, ${unpacked} in ${files.length} files`,
        `took      ${elapsed(Date.now() - started)}`,
        ...paths.map(({ path, bytes }) => row(bytes, path)),
        ...(elsewhere > 0 ? [row(elsewhere, "elsewhere")] : []),
        "",
      ].join("\n"),
    );
    return 0;
  },
  { help: HELP },
);
