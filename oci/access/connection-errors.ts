/** Errors of the connection: which may pass, and how they are told. */
import { UserError } from "../../errors.ts";
import { isLoopback, type RepositoryAddress } from "../references.ts";

const PASSING_CODE = new Set([
  "ECONNRESET",
  "EPIPE",
  "ETIMEDOUT",
  "EAI_AGAIN",
  "UND_ERR_SOCKET",
  "UND_ERR_CONNECT_TIMEOUT",
  "UND_ERR_HEADERS_TIMEOUT",
  "UND_ERR_BODY_TIMEOUT",
]);

/** Whether an error of the connection may well be gone at the next attempt. A refused connection is not. */
export function isPassing(error: Error): boolean {
  return PASSING_CODE.has(codeOf(error) ?? "") || /terminated|other side closed/i.test(error.message);
}

/** The error to show when a registry cannot be reached. */
export function unreachable(target: RepositoryAddress, error: Error): UserError {
  if (error instanceof UserError) return error;
  const why = codeOf(error) ?? (error.cause instanceof Error ? error.cause.message : error.message);
  // fetch refuses some ports whatever listens there, as browsers do.
  if (why === "bad port") {
    return new UserError(
      `registry ${target.registry}`,
      "Node does not talk to this port.",
      "Use another, such as 5000.",
    );
  }
  const remedy = isLoopback(target.registry)
    ? "The local registry is not running or hangs: start it with `make up`, or restart it with `make down` first."
    : "Check the host name, the network, and NODE_EXTRA_CA_CERTS and NODE_USE_ENV_PROXY=1 behind a company proxy.";
  return new UserError(
    `${target.registry}/${target.repository}`,
    `registry ${target.registry} does not answer (${why}).`,
    remedy,
  );
}

function codeOf(error: Error): string | undefined {
  const cause = error.cause as { code?: unknown } | undefined;
  const code = (error as NodeJS.ErrnoException).code ?? cause?.code;
  return typeof code === "string" ? code : undefined;
}
