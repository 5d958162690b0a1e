import { UserError } from "../../../errors.ts";
import { Unreachable } from "../dial.ts";

/** Milliseconds that the API may take for an answer. */
const LIMIT_MS = 30_000;

/** An answer of the API that is an error. */
interface Refusal {
  readonly code: number;
  readonly message: string;
}

/** What the API says, where it has answered. The library's own words hold the whole answer with its headers. */
export function refusalOf(error: unknown): Refusal | undefined {
  if (!(error instanceof Error) || !("code" in error) || typeof error.code !== "number") return undefined;
  const body = "body" in error ? error.body : undefined;
  return { code: error.code, message: messageIn(body) ?? `status ${error.code}` };
}

function messageIn(body: unknown): string | undefined {
  if (typeof body === "object" && body !== null && "message" in body) return String(body.message);
  if (typeof body !== "string") return undefined;
  try {
    return messageIn(JSON.parse(body));
  } catch {
    return body.trim().split("\n")[0]?.slice(0, 300) || undefined;
  }
}

/** What a request gives, or undefined where there is no such object. */
export async function ifThere<T>(request: Promise<T>): Promise<T | undefined> {
  return await inTime(request).catch((error: unknown) => {
    if (refusalOf(error)?.code === 404) return undefined;
    throw error;
  });
}

/** What is asked of the API server, as long as that answers. @throws Unreachable */
export async function inTime<T>(request: Promise<T>, limitMs = LIMIT_MS, remedy = ""): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const error = new Unreachable(`does not answer within ${limitMs / 1_000} s`, remedy);
    timer = setTimeout(() => reject(error), limitMs);
  });
  return await Promise.race([request, late]).finally(() => clearTimeout(timer));
}

export const RIGHTS = "docs/builders.md#kubernetes has the rights that are needed.";

/** An error of the API in words for whoever has the setting at `path`. */
export function apiError(path: string, server: string, error: unknown): UserError {
  if (error instanceof UserError) return error;
  const refusal = refusalOf(error);
  if (refusal === undefined) {
    return new UserError(
      path,
      `the cluster's API at ${server} cannot be spoken to: ${innermostReason(error)}.`,
      "See whether kubectl works with the same kubeconfig and context.",
    );
  }
  const said = `the cluster says: ${refusal.message.replace(/\.$/, "")}.`;
  if (refusal.code === 401) return new UserError(path, said, "Log in to the cluster again.");
  if (refusal.code === 403) return new UserError(path, said, RIGHTS);
  if (refusal.code === 404 && /^namespaces /.test(refusal.message)) {
    return new UserError(
      path,
      said,
      "Make it (kubectl create namespace), or set namespace to one that is there.",
    );
  }
  if (refusal.code === 422 && /updates to statefulset spec/.test(refusal.message)) {
    return new UserError(
      path,
      "what is there has another storage or storageClass, which no cluster changes.",
      "Give another name, or remove it with its volumes first: npm run clean -- --elsewhere.",
    );
  }
  return new UserError(path, said, "");
}

/** The innermost cause: fetch says only that it failed. */
export function innermostReason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : innermostReason(error.cause);
}
