import { Agent, type IncomingMessage, request } from "node:http";
import { text } from "node:stream/consumers";
import { basic } from "../../oci/access/auth.ts";
import { keptLogin } from "../../oci/access/logins.ts";

/** An agent of its own, since the global one may go through the proxy of the environment. */
const direct = new Agent({ keepAlive: false });

/** An answer of a service on this machine. */
export interface LoopbackResponse {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

/** Asks a service at `127.0.0.1:PORT`; undefined when nobody answers within `timeout` milliseconds. */
export function askLoopback(
  address: string,
  path: string,
  options: { method?: string; headers?: Record<string, string>; timeout?: number } = {},
): Promise<LoopbackResponse | undefined> {
  return new Promise((resolve) => {
    const call = request(
      `http://${address}${path}`,
      {
        agent: direct,
        method: options.method ?? "GET",
        headers: options.headers ?? {},
        signal: AbortSignal.timeout(options.timeout ?? 2_000),
      },
      (response) => {
        text(response).then(
          (body) => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
          () => resolve(undefined),
        );
      },
    );
    call.on("error", () => resolve(undefined));
    call.end();
  });
}

/** Asks the local registry with the login that is kept for it. */
export async function askRegistry(
  logins: string,
  address: string,
  path: string,
  options: { method?: string; headers?: Record<string, string> } = {},
): Promise<LoopbackResponse | undefined> {
  const login = await keptLogin(logins, address);
  const authorization = login?.kind === "password" ? basic(login) : "";
  return await askLoopback(address, path, { ...options, headers: { ...options.headers, authorization } });
}

/** Whether a registry answers who has its login, and nobody else. */
export async function registryAnswers(logins: string, address: string): Promise<boolean> {
  const [own, other] = await Promise.all([
    askRegistry(logins, address, "/v2/"),
    askLoopback(address, "/v2/"),
  ]);
  return own?.status === 200 && other?.status === 401;
}
