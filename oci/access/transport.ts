/**
 * HTTP to a registry: authentication, time limits and repeated attempts. Proxies and company certificates come from
 * Node's own switches (`NODE_USE_ENV_PROXY=1`, `NODE_EXTRA_CA_CERTS`).
 */
import { setTimeout as sleep } from "node:timers/promises";
import { UserError } from "../../errors.ts";
import { home } from "../../home.ts";
import { DEFAULT_REGISTRY, isLoopback } from "../references.ts";
import { authorize, parseChallenge } from "./auth.ts";
import { trustedAuthority } from "./authority.ts";
import { dockerConfigFolder, findCredentials } from "./credentials.ts";
import { keptLogin } from "./logins.ts";

/** What a transport can be told; the defaults suit every registry, tests use smaller numbers. */
export interface TransportOptions {
  /** Docker's configuration folder. Default: `$DOCKER_CONFIG`, otherwise `.docker` in the user's home. */
  readonly dockerConfig?: string;
  /** Logins and certificates that strata keeps. Default: those of this clone, none where `dockerConfig` is given. */
  readonly logins?: string;
  /** How often one request is tried in all. Default 5. */
  readonly attempts?: number;
  /** First pause between attempts in milliseconds; it doubles each time. Default 500. */
  readonly backoffMs?: number;
  /** Longest silence from the registry in milliseconds, before and within an answer. Default 60 000. */
  readonly timeoutMs?: number;
}

/** Where in a registry a request goes. */
export interface RepositoryAddress {
  readonly registry: string;
  readonly repository: string;
}

/** What is asked. */
export interface RequestOptions {
  readonly method?: "GET" | "HEAD" | "POST" | "PUT" | "PATCH";
  readonly headers?: Record<string, string>;
  /** Sent again with each attempt. */
  readonly body?: Buffer;
  /** Sent once: what is to be done about a broken connection is for the caller to say. */
  readonly stream?: () => AsyncIterable<Buffer>;
  /** Longest silence, where it may be another than the transport's. */
  readonly timeoutMs?: number;
}

/** An answer with a body that fails when the registry falls silent. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** The body's chunks. May be read once; leaving the loop early closes the connection. */
  chunks(): AsyncGenerator<Buffer>;
  /** The whole body; for small documents only. */
  bytes(): Promise<Buffer>;
}

const LONGEST_PAUSE_MS = 60_000;
const PASSING_STATUS = new Set([408, 425, 429, 500, 502, 503, 504]);
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

/** Sends requests to registries and keeps their tokens. One instance serves a whole run. */
export class Transport {
  readonly attempts: number;
  private readonly backoffMs: number;
  private readonly timeoutMs: number;
  private readonly dockerConfig: string;
  private readonly logins: string | undefined;
  private readonly tokens = new Map<string, string>();

  constructor(options: TransportOptions = {}) {
    this.attempts = options.attempts ?? 5;
    this.backoffMs = options.backoffMs ?? 500;
    this.timeoutMs = options.timeoutMs ?? 60_000;
    this.dockerConfig = options.dockerConfig ?? dockerConfigFolder();
    this.logins = options.logins ?? (options.dockerConfig === undefined ? home.logins : undefined);
  }

  /**
   * Sends one request below `/v2/<repository>/`, logging in when the registry asks and trying again on 429, 5xx
   * and broken connections (`Retry-After` is obeyed, up to a minute).
   *
   * @param path `manifests/latest`, or an absolute path (`/v2/…`) that the registry itself named
   * @returns the answer, whatever its status: what 404 means is for the caller to say.
   * @throws UserError when the registry cannot be reached.
   */
  async request(target: RepositoryAddress, path: string, init: RequestOptions = {}): Promise<Answer> {
    const url = new URL(path, `${this.baseUrl(target.registry)}/v2/${target.repository}/`);
    const attempts = init.stream ? 1 : this.attempts;
    let loggedIn = false;
    for (let attempt = 1; ; attempt++) {
      const answer = await this.send(target, url, init).catch((error: unknown) => error as Error);
      if (answer instanceof Error) {
        if (attempt >= attempts || !isPassing(answer)) throw unreachable(target, answer);
        await this.pause(attempt);
        continue;
      }
      // Tokens last minutes and large images take longer, so an old one is worth one more login.
      if (answer.status === 401 && !loggedIn) {
        loggedIn = true;
        await answer.bytes();
        if ((await this.logIn(target, answer.headers)) && !init.stream) {
          attempt--;
          continue;
        }
        return answer;
      }
      if (!PASSING_STATUS.has(answer.status) || attempt >= attempts) return answer;
      await answer.bytes();
      await this.pause(attempt, answer.headers.get("retry-after"));
    }
  }

  /** Waits before the next attempt: as long as the registry asked, otherwise longer each time. */
  async pause(attempt: number, retryAfter: string | null = null): Promise<void> {
    const growing = this.backoffMs * 2 ** (attempt - 1) * (0.75 + Math.random() / 2);
    await sleep(Math.min(retryAfterMs(retryAfter) ?? growing, LONGEST_PAUSE_MS));
  }

  private async logIn(target: RepositoryAddress, headers: Headers): Promise<boolean> {
    const challenge = parseChallenge(headers.get("www-authenticate"));
    if (!challenge) return false;
    const own = this.logins && (await keptLogin(this.logins, target.registry));
    const credentials = own || (await findCredentials(target.registry, this.dockerConfig));
    const token = await authorize(target.registry, target.repository, challenge, credentials);
    if (token) this.tokens.set(tokenKey(target), token);
    return token !== undefined;
  }

  private baseUrl(registry: string): string {
    // Docker Hub's interface is on another host than its name says.
    if (registry === DEFAULT_REGISTRY) return "https://registry-1.docker.io";
    const hasAuthority = this.logins !== undefined && trustedAuthority(this.logins, registry);
    return `${isLoopback(registry) && !hasAuthority ? "http" : "https"}://${registry}`;
  }

  private async send(target: RepositoryAddress, url: URL, init: RequestOptions): Promise<Answer> {
    const clock = new SilenceClock(init.timeoutMs ?? this.timeoutMs);
    const token = this.tokens.get(tokenKey(target));
    clock.start();
    try {
      const body = init.stream ? uploaded(init.stream(), clock) : init.body && new Uint8Array(init.body);
      // The registry's answer may redirect to a blob store on another host; fetch drops the token on the way.
      const response = await fetch(url, {
        method: init.method ?? "GET",
        headers: {
          // Digests are over the bytes as stored: nobody on the way may compress them again.
          "accept-encoding": "identity",
          ...init.headers,
          ...(token && { authorization: token }),
        },
        ...(body && { body, duplex: "half" }),
        signal: clock.signal,
      });
      return readable(response, clock);
    } finally {
      clock.stop();
    }
  }
}

/** Aborts a request when nothing came for too long. Runs only while somebody waits: a slow reader is no silence. */
class SilenceClock {
  private readonly control = new AbortController();
  private readonly limitMs: number;
  private timer: NodeJS.Timeout | undefined;

  constructor(limitMs: number) {
    this.limitMs = limitMs;
  }

  get signal(): AbortSignal {
    return this.control.signal;
  }

  start(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      const problem = new Error(`silent for ${this.limitMs / 1000} s`);
      this.control.abort(Object.assign(problem, { code: "ETIMEDOUT" }));
    }, this.limitMs);
    // The connection keeps the process alive as long as there is one; after it nobody waits for this.
    this.timer.unref();
  }

  stop(): void {
    clearTimeout(this.timer);
  }
}

function readable(response: Response, clock: SilenceClock): Answer {
  async function* chunks(): AsyncGenerator<Buffer> {
    try {
      clock.start();
      for await (const chunk of response.body ?? []) {
        clock.stop();
        yield Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
        clock.start();
      }
    } finally {
      clock.stop();
    }
  }
  return {
    status: response.status,
    headers: response.headers,
    chunks,
    async bytes() {
      const parts: Buffer[] = [];
      for await (const chunk of chunks()) parts.push(chunk);
      return Buffer.concat(parts);
    },
  };
}

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

function retryAfterMs(value: string | null): number | undefined {
  if (!value) return undefined;
  const ms = /^[0-9]+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now();
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined;
}

/** A body that is sent as it comes; time runs only while the registry takes nothing. */
async function* uploaded(chunks: AsyncIterable<Buffer>, clock: SilenceClock): AsyncGenerator<Uint8Array> {
  clock.stop();
  for await (const chunk of chunks) {
    clock.start();
    yield chunk;
    clock.stop();
  }
  // Only now is it the registry's turn; a body that broke off is nobody's to wait for.
  clock.start();
}

function tokenKey(target: RepositoryAddress): string {
  return `${target.registry}/${target.repository}`;
}
