import { readFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { UserError } from "../../errors.ts";
import { commentOn, commentOnFailure } from "../../lib/preview/comment-body.ts";
import { FORMAT, previewSchema } from "../../lib/preview/preview-schema.ts";
import { redact, redactAll, secretValues } from "../../lib/redact.ts";
import { type GitHub, githubClient, statusOf } from "../program/github-client.ts";
import { main } from "../program/main.ts";
import { note } from "../program/progress.ts";
import { publish } from "./comment/publish.ts";
import { accountOf, parseRepository, pullRequestOf } from "./comment/pull-request.ts";

const HELP = `Usage: npm run comment -- --repo OWNER/NAME (--pr N | --head OWNER:BRANCH --sha COMMIT)
                          (--preview FILE | --problem TEXT) [--run URL] [--artifact URL] [--author LOGIN]

  --preview FILE   the JSON of npm run preview; without a file that can be read, the comment says so
  --problem TEXT   why there is no preview
  --head, --sha    the branch and commit of the pull request, where its number is not known
  --run, --artifact  addresses of the run and of the complete result
  --author LOGIN   who our comments are by (default: the token's account, else github-actions[bot])
  --dry-run        print the comment instead

The token is GITHUB_TOKEN; GITHUB_API_URL is another server's address.`;

const options = {
  repo: { type: "string" },
  pr: { type: "string" },
  head: { type: "string" },
  sha: { type: "string" },
  preview: { type: "string" },
  problem: { type: "string" },
  run: { type: "string" },
  artifact: { type: "string" },
  author: { type: "string" },
  "dry-run": { type: "boolean" },
} as const;
type Values = ReturnType<typeof parseArgs<{ options: typeof options }>>["values"];

/** Longer than any preview; what comes from a fork may be anything. Bytes. */
const LONGEST_RESULT = 50_000_000;

/** `npm run comment`: makes the preview the one comment on a pull request, also where there is none to show. */
await main(
  async () => {
    const { values } = parseArgs({ options });
    const body = await bodyOf(values);
    if (values["dry-run"]) {
      process.stdout.write(`${body}\n`);
      return 0;
    }
    const token = process.env.GITHUB_TOKEN;
    if (!token)
      throw new UserError("GITHUB_TOKEN", "is not set.", "It needs the right to write pull requests.");
    const github = githubClient({ token, baseUrl: process.env.GITHUB_API_URL });
    try {
      return await post(github, values, body);
    } catch (error) {
      const status = statusOf(error);
      if (status === undefined) throw error;
      const remedy = status === 403 ? "The token needs the permission pull-requests: write." : "";
      throw new UserError("github", redact(`${status}: ${(error as Error).message}.`, [token]), remedy);
    }
  },
  { help: HELP },
);

async function post(github: GitHub, values: Values, body: string): Promise<number> {
  const repository = parseRepository(values.repo ?? "");
  const number = await numberOf(github, repository, values);
  if (number === undefined) {
    note(`comment: ${values.head} has no open pull request at ${values.sha}`);
    return 0;
  }
  const author = values.author ?? (await accountOf(github));
  const { action, url, deleted } = await publish(github, { ...repository, number, author }, body);
  note(`comment: ${action}, ${url}${deleted > 0 ? `; ${deleted} duplicates deleted` : ""}`);
  return 0;
}

async function numberOf(github: GitHub, repository: { owner: string; repo: string }, values: Values) {
  if (values.head && values.sha) return await pullRequestOf(github, repository, values.head, values.sha);
  const number = Number(values.pr);
  if (Number.isInteger(number) && number > 0) return number;
  throw new UserError("--pr", `expected a number, got "${values.pr ?? ""}".`, "Or give --head and --sha.");
}

async function bodyOf({ preview, problem, run, artifact }: Values): Promise<string> {
  const links = { run, artifact };
  const secrets = secretValues(process.env);
  if (problem !== undefined) return commentOnFailure(redact(problem, secrets), links);
  if (preview === undefined) throw new UserError("--preview", "is not given.", "Or give --problem.");
  const text = await readFile(preview, "utf8").catch((error: Error) => error);
  if (text instanceof Error) return commentOnFailure("The preview left no result.", links);
  const result = text.length > LONGEST_RESULT ? undefined : parsed(text);
  if (!result) return commentOnFailure(`The preview's result is not of format ${FORMAT}.`, links);
  return commentOn(redactAll(result, secrets), links);
}

/** The result of a fork's code is data of others: by the schema, or not at all. */
function parsed(text: string) {
  try {
    return previewSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
