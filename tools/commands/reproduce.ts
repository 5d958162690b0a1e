import { parseArgs } from "node:util";
import { UserError } from "../../errors.ts";
import { home } from "../../home.ts";
import { readCertificates } from "../../lib/certificates.ts";
import { isAsExpected } from "../../lib/reproduction/reproduction.ts";
import { didYouMean } from "../../lib/schema-errors.ts";
import { Transport } from "../../oci/access/transport.ts";
import { wholeNumber } from "../program/environment.ts";
import { main } from "../program/main.ts";
import { note } from "../program/progress.ts";
import { attachReproduction } from "../reproduction/attach-reproduction.ts";
import { publishedProduct } from "../reproduction/published-product.ts";
import { reproduceStages } from "../reproduction/reproduce-stages.ts";
import { renderReproduction } from "../reproduction/reproduction-table.ts";
import { withSpareBuilder } from "../reproduction/spare-builder.ts";

const HELP = `Usage: npm run reproduce -- [reference] [--stack NAME] [--stage NAME]... [--without NAME]... [--cores N] [--json]

Builds each stage of a product again, on an empty builder that it starts and removes, from what the stage's parents were
published as; compares digests, and where they differ, files. Nothing is pushed but the result, as a statement beside the product.

  --stack NAME    by whose configuration it was made, and whose product, where no reference is given (default: dev)
  --stage NAME    this stage alone; may be given several times
  --without NAME  all but this stage; may be given several times
  --cores N       how many cores the second builder may use (default: one fewer than there are)
  --json          print what was found as JSON

Exit status: 0 all are equal, or what is not has a reason that is known; 1 not so.`;

/** `npm run reproduce`: see `HELP`. */
await main(
  async () => {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        stack: { type: "string", default: "dev" },
        stage: { type: "string", multiple: true, default: [] },
        without: { type: "string", multiple: true, default: [] },
        cores: { type: "string" },
        json: { type: "boolean", default: false },
      },
    });
    const [given, ...more] = positionals;
    if (more.length > 0) {
      process.stdout.write(`${HELP}\n`);
      return 2;
    }
    const { stage: only, without } = values;
    const cores = values.cores === undefined ? undefined : wholeNumber("--cores", values.cores, 1);
    const transport = new Transport();
    const product = await publishedProduct(home, values.stack, given, transport);
    const names = product.plan.stages.map(({ name }) => name);
    for (const name of [...only, ...without]) requireStage(name, names);
    const wanted = {
      ...product,
      isWanted: ({ name }: { name: string }) =>
        !without.includes(name) && (only.length === 0 || only.includes(name)),
      certificates: readCertificates(product.config.certificates),
    };
    const found = await withSpareBuilder(home, cores, (builder) =>
      reproduceStages(builder, wanted, transport),
    );
    const { reference = null } = product;
    const output = values.json
      ? JSON.stringify({ reference, ...found }, null, 2)
      : [...(reference ? [reference] : []), renderReproduction(found)].join("\n");
    process.stdout.write(`${output}\n`);
    if (reference !== null) {
      const signing = { home, stack: values.stack, config: product.config };
      const problem = await attachReproduction(reference, found, signing, transport);
      note(
        problem === undefined
          ? "the result lies beside the product"
          : `the result is not attached: ${problem}`,
      );
    }
    if (reference === null) note("the product is not published, so the result lies beside nothing");
    return found.stages.every(isAsExpected) ? 0 : 1;
  },
  { help: HELP },
);

function requireStage(name: string, names: readonly string[]): void {
  if (names.includes(name)) return;
  throw new UserError("stage", `"${name}" is none of ${names.join(", ")}.`, didYouMean(name, names));
}
