import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import type { GitHubState } from "./state.ts";

/** What the service has to know of the runs. */
export interface RunnerDesk {
  readonly state: GitHubState;
  /** A job begins: from here on its token has this job's rights. */
  begin(run: number, job: string): void;
  /** The `sub` of the job's identity token; undefined where it may not ask for one. */
  subjectOf(run: number, job: string): string | undefined;
  /** Which subject each role trusts. */
  readonly trust: Readonly<Record<string, string>>;
}

export interface RunnerService extends AsyncDisposable {
  readonly address: string;
}

/** What GitHub lends to actions beside the REST interface: artifacts of the run, caches, identity tokens; and STS behind these. */
export async function startRunnerService(desk: RunnerDesk): Promise<RunnerService> {
  const server = createServer((request, response) => {
    answer(desk, request).then(
      (body) => response.writeHead(200).end(body),
      (error: Error) => response.writeHead(400).end(error.message),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function answer(desk: RunnerDesk, request: IncomingMessage): Promise<Buffer | string> {
  const { pathname, searchParams } = new URL(request.url ?? "", "http://127.0.0.1");
  const given = (name: string) => searchParams.get(name) ?? "";
  const { artifacts, caches } = desk.state;
  const run = Number(given("run"));
  switch (pathname) {
    case "/begin":
      desk.begin(run, given("job"));
      return "";
    case "/upload": {
      const name = given("name");
      if (artifacts.some((each) => each.run === run && each.name === name)) {
        throw new Error("Conflict: an artifact with this name already exists on the workflow run");
      }
      artifacts.push({ id: artifacts.length + 1, run, name, zip: await buffer(request) });
      return "";
    }
    case "/artifacts":
      return JSON.stringify(
        artifacts.filter((each) => each.run === run).map(({ id, name }) => ({ id, name })),
      );
    case "/artifact":
      return artifacts.find(({ id }) => id === Number(given("id")))?.zip ?? "";
    case "/save":
      if (caches.some(({ key }) => key === given("key"))) return "Cache already exists.";
      caches.push({ key: given("key"), version: given("version"), archive: await buffer(request) });
      return "Cache saved";
    case "/restore": {
      const newest = (fits: (key: string) => boolean) =>
        caches.findLast(({ key, version }) => version === given("version") && fits(key));
      const prefixes = searchParams.getAll("prefix");
      const found =
        newest((key) => key === given("key")) ??
        newest((key) => prefixes.some((prefix) => key.startsWith(prefix)));
      return found?.archive ?? "";
    }
    case "/role":
      return JSON.stringify(assume(desk, run, given("job"), given("role")));
    default:
      throw new Error(`${pathname} is not there`);
  }
}

/** In the words of the action. */
function assume({ subjectOf, trust }: RunnerDesk, run: number, job: string, role: string) {
  const subject = subjectOf(run, job);
  if (subject === undefined) {
    throw new Error(
      "It looks like you might be trying to authenticate with OIDC. Did you mean to set the `id-token` permission?",
    );
  }
  if (trust[role] !== subject) {
    throw new Error(
      "Could not assume role with OIDC: Not authorized to perform sts:AssumeRoleWithWebIdentity",
    );
  }
  return {
    AWS_ACCESS_KEY_ID: `ASIA-${role}`,
    AWS_SECRET_ACCESS_KEY: `secret-of-${role}`,
    AWS_SESSION_TOKEN: `session-of-${role}`,
  };
}
