import { parseArgs } from "node:util";
import Table from "cli-table3";
import { UserError } from "../../errors.ts";
import { type AwsClients, awsClients } from "../hosts/aws/clients.ts";
import { findTestResources, removeTestResource, type TestResource } from "../hosts/aws/leaks.ts";
import { main } from "../program/main.ts";
import { note } from "../program/progress.ts";

const HELP = `Usage: npm run reaper -- --region REGION... [--profile NAME] [--remove] [--all] [--json]

  --region REGION  where to look; may be given several times
  --profile NAME   of the credentials, as AWS_PROFILE has it
  --remove         end or delete what should not be there any more
  --all            also what a test or an update may be using at this moment
  --json           print what was found as JSON

Lists what smoke tests and builders of heavy stages have made on AWS and what is still there: instances, volumes, schedules, logins.
Exit status: 0, or 1 where something is left that should not be there.`;

/** `npm run reaper`: nothing that a test rented stays unseen. */
await main(
  async () => {
    const { values } = parseArgs({
      options: {
        region: { type: "string", multiple: true },
        profile: { type: "string" },
        remove: { type: "boolean", default: false },
        all: { type: "boolean", default: false },
        json: { type: "boolean", default: false },
      },
    });
    const regions = values.region ?? [];
    if (regions.length === 0) {
      throw new UserError(
        "--region",
        "is missing.",
        "Name the regions of the stacks' hosts: --region us-east-1",
      );
    }
    const resources: (TestResource & { region: string })[] = [];
    let left = 0;
    for (const region of regions) {
      const clients = awsClients({ region, profile: values.profile });
      const here = await findTestResources(clients, new Date());
      resources.push(...here.map((each) => ({ ...each, region })));
      const wrong = here.filter(({ leak }) => leak !== undefined || values.all);
      left += values.remove ? await removeAll(wrong, clients) : wrong.filter(({ leak }) => leak).length;
    }
    process.stdout.write(values.json ? `${JSON.stringify(resources, null, 2)}\n` : table(resources));
    return left > 0 ? 1 : 0;
  },
  { help: HELP },
);

/** How many could not be removed. */
async function removeAll(resources: readonly TestResource[], clients: AwsClients): Promise<number> {
  let failed = 0;
  for (const each of resources) {
    try {
      await removeTestResource(each, clients);
      note(`${each.kind} ${each.id} removed`);
    } catch (error) {
      failed++;
      note(`${each.kind} ${each.id} stays: ${error instanceof Error ? error.message : error}`);
    }
  }
  return failed;
}

function table(resources: readonly (TestResource & { region: string })[]): string {
  if (resources.length === 0) return "nothing of any smoke test is there, nor of a builder\n";
  const rows = new Table({
    head: ["region", "what", "id", "stack", "", "leak"],
    style: { head: [], border: [] },
  });
  for (const { region, kind, id, stack, detail, leak } of resources) {
    rows.push([region, kind, id, stack, detail, leak ?? "no: it is in use"]);
  }
  return `${rows.toString()}\n`;
}
