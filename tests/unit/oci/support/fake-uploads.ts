/** Uploads to a fake registry. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { digestOf } from "../../../../oci/blob-digest.ts";
import { type FakeRegistry, REPOSITORY, refuse } from "./fake-state.ts";

/** An upload that was begun, with what came so far. Whoever comes later is the only one who writes. */
interface Upload {
  readonly chunks: Buffer[];
  length: number;
  /** Bytes after the first piece. */
  first?: number;
  writer: object;
}

/** By their numbers. */
export type Uploads = Map<string, Upload>;

/** Google's lie outside of `/v2/`. */
const OUTSIDE = "/artifacts-uploads/namespaces/team/repositories/image/uploads/";
const INSIDE = `/v2/${REPOSITORY}/blobs/uploads/`;

export const isUpload = (path: string) => path.startsWith(INSIDE) || path.startsWith(OUTSIDE);

/** Gives an upload its place. */
export function beginUpload(registry: FakeRegistry, uploads: Uploads, response: ServerResponse): void {
  const id = String(++registry.begun);
  uploads.set(id, { chunks: [], length: 0, writer: response });
  response.writeHead(202, { location: place(registry, id) }).end();
}

function place({ behaviour, name }: FakeRegistry, id: string): string {
  const path = `${behaviour.location === "outside" ? OUTSIDE : INSIDE}${id}?state=begun`;
  switch (behaviour.location) {
    case "absolute":
    case "outside":
      return `http://${name}${path}`;
    case "other-name":
      return `https://registry.internal${path}`;
    default:
      return path;
  }
}

/** Takes a blob as registries do: bytes are sent to its place, which is closed with its digest. What a broken connection left counts. */
export async function continueUpload(
  registry: FakeRegistry,
  uploads: Uploads,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { behaviour } = registry;
  const { pathname, searchParams } = new URL(request.url ?? "", "http://registry");
  const id = pathname.split("/").at(-1) ?? "";
  const upload = uploads.get(id);
  const isHidden = request.method === "GET" && behaviour.hidesUploads;
  if (!upload || isHidden || searchParams.get("state") !== "begun")
    return refuse(response, { status: 404, code: "BLOB_UPLOAD_UNKNOWN", message: "no such upload" });
  upload.writer = request;
  const headers = () => {
    const end = behaviour.laterPieces === "unsaid" ? (upload.first ?? upload.length) : upload.length;
    return { location: place(registry, id), range: `0-${Math.max(0, end - 1)}` };
  };
  if (request.method === "GET") {
    response.writeHead(204, headers()).end();
    return;
  }
  const problem = request.method === "PATCH" ? rangeProblem(registry, upload, request) : undefined;
  if (problem) return refuse(response, problem);
  if (!(await receive(registry, upload, request))) return;
  if (request.method === "PATCH") {
    upload.first ??= upload.length;
    response.writeHead(behaviour.pieceStatus ?? 202, headers()).end();
    return;
  }
  const bytes = Buffer.concat(upload.chunks);
  uploads.delete(id);
  const digest = digestOf(bytes);
  const isRight = searchParams.get("digest") === digest;
  if (isRight) registry.content.set(`blobs/${digest}`, { mediaType: "application/octet-stream", bytes });
  response.writeHead(isRight ? 201 : 400).end();
}

function rangeProblem({ behaviour }: FakeRegistry, upload: Upload, { headers }: IncomingMessage) {
  const [, first, last] = /^(\d+)-(\d+)$/.exec(headers["content-range"] ?? "") ?? [];
  const start = Number(first ?? 0);
  if (first !== undefined && Number(last) - start + 1 > (behaviour.largestPiece ?? Number.POSITIVE_INFINITY))
    return {
      status: 416,
      code: "REQUESTED_RANGE_NOT_SATISFIABLE",
      message: "the request body is too large and exceeds the maximum permissible limit",
    };
  if (start === upload.length || (first === undefined && behaviour.laterPieces !== "unsaid"))
    return undefined;
  const message = `First byte of the layer part is ${start} instead of ${upload.length}`;
  return { status: 416, code: "BLOB_UPLOAD_INVALID", message };
}

/** false for a connection that broke, or that another one has followed. */
async function receive(registry: FakeRegistry, upload: Upload, request: IncomingMessage): Promise<boolean> {
  const isDropped = registry.behaviour.laterPieces === "dropped" && upload.length > 0;
  try {
    for await (const chunk of request) {
      if (upload.writer !== request) return false;
      if (isDropped) continue;
      upload.chunks.push(chunk);
      upload.length += chunk.length;
      registry.received?.(request, upload.length);
    }
    return true;
  } catch {
    return false;
  }
}
