import { join } from "node:path";
import { parseArgs, styleText } from "node:util";
import { UserError } from "../../errors.ts";
import { home } from "../../home.ts";
import { renderMarkdown } from "../../lib/preview/markdown.ts";
import { previewJsonSchema } from "../../lib/preview/preview-schema.ts";
import { renderTree, type TextStyle } from "../../lib/preview/terminal.ts";
import { collectPreview } from "../preview/collect.ts";
import { writeAtomically } from "../program/files.ts";
import { main } from "../program/main.ts";
import { namedStacks, ownProject, requireKnownStack } from "../stack/stack.ts";

const HELP = `Usage: npm run preview -- [--stack NAME]... [--base REVISION] [--offline] [--vulnerabilities]
                          [--json | --markdown] [--out FOLDER]

  --stack NAME     a stack, Pulumi.NAME.yaml; may be given several times (default: all of them)
  --base REVISION  compare with the plan of the common ancestor with this revision, not with the last update
  --offline        call no Pulumi: read our own state file, or compare with the base branch
  --vulnerabilities  ask OSV what the change adds to what is known against the promoted products, and removes: from both
                   bills of materials; nothing is pulled, and a preview goes on where nobody answers
  --json           print one JSON object, by docs/preview-schema.json (npm run --silent leaves out npm's own lines)
  --markdown       print what the pull-request comment says; --limit N keeps it under N characters
  --out FOLDER     also write preview.json and preview.md there
  --schema         print the JSON Schema

Exit status: 0, or 1 where a stack failed.`;

/** Too little room for the summary would cut the verdicts. */
const LEAST_LIMIT = 5_000;

const styles = {
  good: "green",
  changed: "yellow",
  gone: "red",
  bad: "red",
  quiet: "gray",
  strong: "bold",
} as const satisfies { readonly [look in TextStyle]: Parameters<typeof styleText>[0] };

/** `npm run preview`: what the next update of each stack would do, and why. */
await main(
  async () => {
    const { values } = parseArgs({
      options: {
        stack: { type: "string", multiple: true },
        base: { type: "string" },
        offline: { type: "boolean", default: false },
        vulnerabilities: { type: "boolean", default: false },
        json: { type: "boolean" },
        markdown: { type: "boolean" },
        limit: { type: "string" },
        out: { type: "string" },
        schema: { type: "boolean" },
      },
    });
    if (values.schema) {
      process.stdout.write(previewJsonSchema());
      return 0;
    }
    const stacks = await chosenStacks(values.stack ?? []);
    const limit = limitOf(values.limit);
    const preview = await collectPreview(home, {
      stacks,
      offline: values.offline,
      base: values.base,
      vulnerabilities: values.vulnerabilities,
    });
    const json = JSON.stringify(preview, null, 2);
    if (values.out) {
      await writeAtomically(join(values.out, "preview.json"), `${json}\n`);
      await writeAtomically(join(values.out, "preview.md"), `${renderMarkdown(preview)}\n`);
    }
    const text = values.json
      ? json
      : values.markdown
        ? renderMarkdown(preview, limit)
        : renderTree(preview, paint);
    process.stdout.write(`${text}\n`);
    return preview.stacks.some(({ verdict }) => verdict === "failed") ? 1 : 0;
  },
  { help: HELP },
);

function limitOf(text: string | undefined): number {
  if (text === undefined) return Number.POSITIVE_INFINITY;
  const limit = Number(text);
  if (limit >= LEAST_LIMIT) return limit;
  throw new UserError("--limit", `expected ${LEAST_LIMIT} or more characters, got "${text}".`, "");
}

/** Those that are named, each once; without a name all that have a file. */
async function chosenStacks(names: readonly string[]): Promise<string[]> {
  const project = await ownProject();
  for (const name of names) requireKnownStack(home, project, name);
  return names.length > 0 ? [...new Set(names)] : namedStacks();
}

/** Node itself heeds NO_COLOR and whether stdout is a terminal. */
function paint(look: TextStyle, text: string): string {
  return styleText(styles[look], text, { stream: process.stdout });
}
