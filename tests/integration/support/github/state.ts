/** What GitHub knows of one repository, as far as the workflows touch it. */

/** The repository of the tests: whose workflows run, and whose token they get. */
export const OWNER = "acme";
export const REPOSITORY = `${OWNER}/strata`;
/** Who writes with the token of a workflow. */
export const WORKFLOW_LOGIN = "github-actions[bot]";

export type Rights = Readonly<Record<string, string>>;

/** Whose a token is and what it may do; that of a workflow may do what the job that runs may do. */
export interface Token {
  readonly login: string;
  rights: Rights;
}

export interface PullRequestState {
  readonly number: number;
  /** `owner:branch` */
  readonly label: string;
  readonly sha: string;
  readonly author: string;
  readonly state: "open" | "closed";
  title: string;
  body: string;
}

export interface CommentState {
  readonly id: number;
  readonly issue: number;
  readonly login: string;
  body: string;
}

export interface GitHubState {
  /** The bare repository. */
  readonly git: string;
  readonly tokens: Map<string, Token>;
  readonly pulls: PullRequestState[];
  readonly comments: CommentState[];
  /** Archives by run and name. */
  readonly artifacts: {
    readonly id: number;
    readonly run: number;
    readonly name: string;
    readonly zip: Buffer;
  }[];
  readonly caches: { readonly key: string; readonly version: string; readonly archive: Buffer }[];
  /** `METHOD path` of all that was asked, with the status of the answer. */
  readonly requests: string[];
  /** Hosts that somebody wanted to reach and that are none of ours. */
  readonly strangers: Set<string>;
  /** "Allow GitHub Actions to create and approve pull requests", which is off in a new repository. */
  allowsPullRequestsOfActions: boolean;
}

export function emptyState(git: string): GitHubState {
  return {
    git,
    tokens: new Map(),
    pulls: [],
    comments: [],
    artifacts: [],
    caches: [],
    requests: [],
    strangers: new Set(),
    allowsPullRequestsOfActions: false,
  };
}
