import { parseArgs } from "node:util";
import { home, projectFolder } from "../../home.ts";
import { Transport } from "../../oci/access/transport.ts";
import { main } from "../program/main.ts";
import { note } from "../program/progress.ts";
import { inRepository } from "../promotion/evidence-store.ts";
import { listPromotions } from "../promotion/promotion-listing.ts";
import { renderListing } from "../promotion/promotion-table.ts";
import { promotedTags, rollBack } from "../promotion/undo-promotion.ts";
import { prepareRegistries } from "../setup/registries.ts";
import { namedStackConfig } from "../stack/checkout-plan.ts";
import { gateWarning } from "./rollback/gate-warning.ts";

const HELP = `Usage: npm run rollback -- [tag] [digest] [--stack NAME] [--repository REPOSITORY] [--json]

Without a tag: the tags that were promoted. With one: where it has pointed, with the evidence of then. With a digest,
or the beginning of one: the tag points there again, in the stack's registry and all its copies.

  --stack NAME             whose registries (default: dev)
  --repository REPOSITORY  this one alone, host[:port]/path
  --json                   print lists as JSON`;

/** `npm run rollback`: see `HELP`. */
await main(
  async () => {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        stack: { type: "string", default: "dev" },
        repository: { type: "string" },
        json: { type: "boolean", default: false },
      },
    });
    const [tag, digest, ...more] = positionals;
    if (more.length > 0) {
      process.stdout.write(`${HELP}\n`);
      return 2;
    }
    const config = await namedStackConfig(projectFolder, values.stack);
    const repositories = values.repository ? [values.repository] : await prepareRegistries(home, config);
    const transport = new Transport();
    if (tag === undefined) return await showTags(repositories, transport, values.json);
    if (digest !== undefined) await rollBack(repositories, tag, digest, transport, config.trust);
    const listings = await Promise.all(
      repositories.map((repository) => listPromotions(repository, tag, transport)),
    );
    if (values.json) process.stdout.write(`${JSON.stringify(listings, null, 2)}\n`);
    else process.stdout.write(`${listings.map(renderListing).join("\n\n")}\n`);
    const [first] = listings;
    if (digest === undefined || !first?.current) return 0;
    const reference = inRepository(first.repository, first.current);
    const warning = await gateWarning(home, reference, config.vulnerabilities, transport);
    if (warning !== undefined) note(`vulnerabilities: ${warning}`);
    return 0;
  },
  { help: HELP },
);

async function showTags(
  repositories: readonly string[],
  transport: Transport,
  json: boolean,
): Promise<number> {
  const listings = await Promise.all(
    repositories.map(async (repository) => ({ repository, tags: await promotedTags(repository, transport) })),
  );
  if (json) process.stdout.write(`${JSON.stringify(listings, null, 2)}\n`);
  else {
    for (const { repository, tags } of listings)
      process.stdout.write(`${repository}\n${tags.map((tag) => `  ${tag}\n`).join("") || "  no tag yet\n"}`);
  }
  return 0;
}
