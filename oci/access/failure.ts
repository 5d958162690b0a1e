/** Turns a registry's refusal into an error that says what to do. */
import { UserError } from "../../errors.ts";
import { formatReference, isLoopback, type Reference } from "../references.ts";
import type { Answer } from "./silence.ts";

/**
 * The error for an answer that is not a success. Reads the answer's body.
 *
 * @param what the thing that was asked for: `manifest`, `blob sha256:…`
 */
export async function failure(reference: Reference, answer: Answer, what: string): Promise<UserError> {
  const said = await explanation(answer);
  const problem = `registry ${reference.registry} answered ${answer.status} for the ${what}${said && ` (${said})`}.`;
  return new UserError(
    formatReference(reference),
    problem,
    meant(reference, said) ?? remedy(reference, answer.status),
  );
}

/**
 * What to do about a refusal whose words say more than its status. Immutable tags: ECR answers 400 "…because the tag is
 * immutable" (kaniko#204), Harbor 412 "…configured as immutable" (harbor, src/controller/tag).
 */
function meant({ registry }: Reference, said: string): string | undefined {
  if (/immutable/i.test(said)) {
    return "Tags that strata moves, and promotions-…, have to be mutable there: change that setting, or leave these tags out of it.";
  }
  if (/^(NAME_UNKNOWN|NOT_FOUND)\b.*(repository|project)/is.test(said) && !isLoopback(registry)) {
    return `There is no such repository at ${registry}, and it makes none by itself: make it first (ECR: create: true in one stack).`;
  }
  return undefined;
}

function remedy(reference: Reference, status: number): string {
  const { registry } = reference;
  if (status === 401 || status === 403) {
    return `Log in with an account that may use it (docker login ${registry}), or set the stack's password for it anew.`;
  }
  if (status === 404) {
    return isLoopback(registry)
      ? "Check name and tag; `make up` builds and pushes the image."
      : "Check name and tag, and that your login may see this repository.";
  }
  if (status === 429) return "The registry limits requests: log in, or try again later.";
  if (status >= 500) {
    return isLoopback(registry)
      ? "Look at the registry's log, then restart it: `make down`, `make up`."
      : "The registry has a problem of its own: try again later.";
  }
  return "Check that the host is a container registry.";
}

/** What the registry says about itself, shortened: the first error of its JSON body. */
async function explanation(answer: Answer): Promise<string> {
  try {
    const body = JSON.parse((await answer.bytes()).toString("utf8")) as {
      errors?: { code?: unknown; message?: unknown }[];
    };
    const first = body.errors?.[0];
    return first ? `${first.code ?? "error"}: ${first.message ?? ""}`.slice(0, 200) : "";
  } catch {
    return "";
  }
}
