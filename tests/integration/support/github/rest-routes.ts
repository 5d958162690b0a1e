import { execa } from "execa";
import {
  type CommentState,
  type GitHubState,
  OWNER,
  type PullRequestState,
  REPOSITORY,
  type Token,
  WORKFLOW_LOGIN,
} from "./state.ts";

export interface Reply {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Question {
  readonly state: GitHubState;
  readonly token: Token;
  readonly query: URLSearchParams;
  readonly sent: Readonly<Record<string, string>>;
  readonly parts: readonly string[];
}

/** What a token needs, as GitHub's page "Permissions required for GitHub Apps" has it, and what is answered. */
export interface Route {
  readonly method: string;
  readonly path: RegExp;
  readonly needs?: readonly [right: string, level: "read" | "write"];
  readonly answer: (question: Question) => Reply | Promise<Reply>;
}

const repo = `/repos/${REPOSITORY}`;
export const refused = (message: string, status = 403): Reply => ({ status, body: { message } });
export const notFound = refused("Not Found", 404);

function shownPull({ number, label, sha, author, state, title, body }: PullRequestState) {
  const [owner = "", ref = ""] = label.split(":");
  return {
    number,
    state,
    title,
    body,
    html_url: `https://github.com/${REPOSITORY}/pull/${number}`,
    user: { login: author },
    head: { label, ref, sha, repo: { full_name: `${owner}/strata`, owner: { login: owner } } },
    base: { ref: "main", repo: { full_name: REPOSITORY } },
  };
}

function shownComment({ id, issue, login, body }: CommentState) {
  const html_url = `https://github.com/${REPOSITORY}/pull/${issue}#issuecomment-${id}`;
  return { id, body, html_url, user: { login, type: login.endsWith("[bot]") ? "Bot" : "User" } };
}

/** What is asked of GitHub here. */
export const routes: readonly Route[] = [
  {
    method: "GET",
    path: /^\/user$/,
    answer: ({ token }) =>
      token.login === WORKFLOW_LOGIN
        ? refused("Resource not accessible by integration")
        : { status: 200, body: { login: token.login } },
  },
  {
    method: "GET",
    path: new RegExp(`^${repo}/pulls$`),
    needs: ["pull-requests", "read"],
    // `head` is owner:branch; GitHub leaves any other form aside and gives all.
    answer: ({ state, query }) => ({
      status: 200,
      body: state.pulls
        .filter((pull) => pull.state === (query.get("state") ?? "open"))
        .filter(({ label }) => !query.get("head")?.includes(":") || query.get("head") === label)
        .map(shownPull),
    }),
  },
  {
    method: "POST",
    path: new RegExp(`^${repo}/pulls$`),
    needs: ["pull-requests", "write"],
    answer: createPull,
  },
  {
    method: "PATCH",
    path: new RegExp(`^${repo}/pulls/(\\d+)$`),
    needs: ["pull-requests", "write"],
    answer: ({ state, parts, sent }) => {
      const pull = state.pulls.find(({ number }) => number === Number(parts[0]));
      if (!pull) return notFound;
      Object.assign(pull, { title: sent.title ?? pull.title, body: sent.body ?? pull.body });
      return { status: 200, body: shownPull(pull) };
    },
  },
  {
    method: "GET",
    path: new RegExp(`^${repo}/issues/(\\d+)/comments$`),
    needs: ["pull-requests", "read"],
    answer: ({ state, parts }) => ({
      status: 200,
      body: state.comments.filter(({ issue }) => issue === Number(parts[0])).map(shownComment),
    }),
  },
  {
    method: "POST",
    path: new RegExp(`^${repo}/issues/(\\d+)/comments$`),
    needs: ["pull-requests", "write"],
    answer: ({ state, token, parts, sent }) => {
      const comment = {
        id: state.comments.length + 1,
        issue: Number(parts[0]),
        login: token.login,
        body: sent.body ?? "",
      };
      state.comments.push(comment);
      return { status: 201, body: shownComment(comment) };
    },
  },
  {
    method: "PATCH",
    path: new RegExp(`^${repo}/issues/comments/(\\d+)$`),
    needs: ["pull-requests", "write"],
    answer: ({ state, parts, sent }) => {
      const comment = state.comments.find(({ id }) => id === Number(parts[0]));
      if (!comment) return notFound;
      comment.body = sent.body ?? "";
      return { status: 200, body: shownComment(comment) };
    },
  },
  {
    method: "GET",
    path: new RegExp(`^${repo}/actions/runs/(\\d+)/artifacts$`),
    needs: ["actions", "read"],
    answer: ({ state, parts, query }) => {
      const artifacts = state.artifacts
        .filter(({ run, name }) => run === Number(parts[0]) && name === (query.get("name") ?? name))
        .map(({ id, name }) => ({ id, name, expired: false }));
      return { status: 200, body: { total_count: artifacts.length, artifacts } };
    },
  },
  {
    method: "GET",
    path: new RegExp(`^${repo}/actions/artifacts/(\\d+)/zip$`),
    needs: ["actions", "read"],
    answer: ({ parts }) => ({
      status: 302,
      headers: { location: `https://api.github.com/blobs/${parts[0]}` },
    }),
  },
];

async function createPull({ state, token, sent }: Question): Promise<Reply> {
  if (token.login === WORKFLOW_LOGIN && !state.allowsPullRequestsOfActions) {
    return refused("GitHub Actions is not permitted to create or approve pull requests.");
  }
  const invalid = (message: string): Reply => ({
    status: 422,
    body: { message: "Validation Failed", errors: [{ resource: "PullRequest", code: "custom", message }] },
  });
  const branch = (sent.head ?? "").replace(`${OWNER}:`, "");
  const label = `${OWNER}:${branch}`;
  if (state.pulls.some((pull) => pull.label === label && pull.state === "open")) {
    return invalid(`A pull request already exists for ${label}.`);
  }
  const found = await execa("git", ["--git-dir", state.git, "rev-parse", `refs/heads/${branch}`], {
    reject: false,
  });
  if (found.exitCode !== 0 || sent.base !== "main") return invalid("head or base is invalid");
  const pull: PullRequestState = {
    number: Math.max(0, ...state.pulls.map(({ number }) => number)) + 1,
    label,
    sha: found.stdout,
    author: token.login,
    state: "open",
    title: sent.title ?? "",
    body: sent.body ?? "",
  };
  state.pulls.push(pull);
  return { status: 201, body: shownPull(pull) };
}
