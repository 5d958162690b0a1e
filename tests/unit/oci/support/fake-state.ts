/** What a fake registry has and remembers. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Behaviour, Door, Refusal } from "./behaviour.ts";

export interface Stored {
  readonly mediaType: string;
  readonly bytes: Buffer;
}

export interface FakeRegistry extends AsyncDisposable {
  /** `127.0.0.1:port` */
  readonly host: string;
  /** How it calls itself. */
  name: string;
  behaviour: Behaviour;
  readonly door: Door;
  /** By `manifests/<tag or digest>` and `blobs/<digest>`, below one repository: `team/image`. */
  readonly content: Map<string, Stored>;
  /** Every request, oldest first: `GET /v2/…`. */
  readonly requests: string[];
  /** Uploads that were begun. */
  begun: number;
  /** Hears how many bytes of an upload are there. */
  received?: (request: IncomingMessage, bytes: number) => void;
  /** Answers a request itself by returning true. */
  intercept?: (request: IncomingMessage, response: ServerResponse) => boolean | Promise<boolean>;
  /** Stores bytes and returns what points at them. */
  blob(mediaType: string, bytes: Buffer): { mediaType: string; digest: string; size: number };
  /** Stores a manifest under its digest and a tag; returns what points at it. */
  manifest(tag: string, document: { mediaType: string }): { mediaType: string; digest: string; size: number };
  /** Stores an image with these layers. */
  image(
    tag: string,
    layers: { mediaType: string; bytes: Buffer }[],
    config?: object,
  ): { mediaType: string; digest: string; size: number };
}

export const REPOSITORY = "team/image";

/** Says no, as a body that clients can read. */
export function refuse(response: ServerResponse, { status, code, message }: Refusal): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify({ errors: [{ code, message }] }));
}
