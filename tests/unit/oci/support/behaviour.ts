/** What registries out there do, each in a word that a fake registry understands. */

/** How a registry says no. */
export interface Refusal {
  readonly status: number;
  readonly code: string;
  readonly message: string;
}

/** What a fake registry does otherwise than the specification's plainest one; all of it goes together. */
export interface Behaviour {
  /** Answer to a piece of an upload that was taken. Default 202. */
  readonly pieceStatus?: 201 | 204;
  /** Of the pieces after the first: `dropped` without a word, or stored with a `Range` that stays at the first one. */
  readonly laterPieces?: "dropped" | "unsaid";
  /** Nobody is told how far an upload is: 404. */
  readonly hidesUploads?: boolean;
  /** Most bytes of a piece that names its range. */
  readonly largestPiece?: number;
  /** How it names the place of an upload. Default: a path. */
  readonly location?: "absolute" | "other-name" | "outside";
  /** The interface for referrers: `unsaid` has it, and does not say so in `OCI-Subject`. Default: 404. */
  readonly referrers?: "listed" | "unsaid" | "elsewhere";
  /** Where `elsewhere` is. Default: pages on another name of this host, which answer 429. */
  readonly referrersAddress?: string;
  /** Takes the tag `sha256-…` for that digest. */
  readonly aliasesDigests?: boolean;
  /** Answer to HEAD and GET of what is not there. Default 404. */
  readonly absentStatus?: 403;
  /** There is no such repository: nothing can be read, and a push is refused so, or cut off without an answer. */
  readonly noRepository?: Refusal | "cut-off";
  /** Answer to a tag that would move; `even` to where it is already. */
  readonly immutable?: Refusal & { readonly even?: boolean };
  /** Tags on a page, and how the next page is named. */
  readonly pages?: { readonly size: number; readonly link: "path" | "absolute" | "query" };
  /** Blobs are read from another host, which refuses whoever brings a login along. */
  readonly blobsElsewhere?: boolean;
  /** Every so many requests are one too many. */
  readonly limitEvery?: number;
  /** Sets a cookie, and takes whoever brings it for a browser. */
  readonly sessions?: boolean;
  /** Who is let in. Default: everybody. */
  readonly access?: Access;
}

export interface Access {
  /** `user:password`, or a token that stands for both. */
  readonly login: string;
  readonly kind: "basic" | "token" | "identity";
  /** How a token is refused that is good for less than is asked. Default 401, with the scope. */
  readonly tooSmall?: { readonly status: 401 | 403; readonly names?: "scope" | "nothing" };
  /** So many requests later a token has run out. */
  readonly uses?: number;
  /** What the token service answers first. */
  readonly busy?: readonly number[];
}

interface Token {
  readonly scope: string;
  uses: number;
}

/** What a fake registry's tokens are, and what was asked for. */
export interface Door {
  readonly tokens: Map<string, Token>;
  readonly scopes: string[];
  busy: number[];
}
