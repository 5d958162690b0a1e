/**
 * HTTP to a registry: authentication, time limits and repeated attempts. Proxies and company certificates come from
 * Node's own switches (`NODE_USE_ENV_PROXY=1`, `NODE_EXTRA_CA_CERTS`).
 */
import { setTimeout as sleep } from "node:timers/promises";
import { home } from "../../home.ts";
import { isPassingStatus, LONGEST_PAUSE_MS, retryAfterMs } from "../../lib/http-retry.ts";
import { DEFAULT_REGISTRY, isLoopback, type RepositoryAddress } from "../references.ts";
import { authorize } from "./auth.ts";
import { trustedAuthority } from "./authority.ts";
import {
  type Action,
  allowing,
  allows,
  type Challenge,
  chooseChallenge,
  neededAction,
  parseChallenges,
} from "./challenges.ts";
import { isPassing, unreachable } from "./connection-errors.ts";
import { dockerConfigFolder, findCredentials } from "./credentials.ts";
import { patient } from "./dispatcher.ts";
import { keptLogin } from "./logins.ts";
import { type Answer, readable, SilenceClock, uploaded } from "./silence.ts";

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

/** What is asked. */
export interface RequestOptions {
  readonly method?: "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly headers?: Record<string, string>;
  /** Sent again with each attempt. */
  readonly body?: Buffer;
  /** Sent once: what is to be done about a broken connection is for the caller to say. */
  readonly stream?: () => AsyncIterable<Buffer>;
  /** Longest silence, where it may be another than the transport's. */
  readonly timeoutMs?: number;
  /** `manual`: a redirect is an answer. Default: it is followed, without the token on another host. */
  readonly redirect?: "manual";
}

/** Sends requests to registries and keeps their tokens. One instance serves a whole run. */
export class Transport {
  readonly attempts: number;
  private readonly backoffMs: number;
  private readonly timeoutMs: number;
  private readonly dockerConfig: string;
  private readonly logins: string | undefined;
  private readonly tokens = new Map<string, { readonly header: string; readonly challenge: Challenge }>();

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
    const action = neededAction(init.method);
    let loggedIn = false;
    for (let attempt = 1; ; attempt++) {
      const answer = await this.send(target, url, init).catch((error: unknown) => error as Error);
      if (answer instanceof Error) {
        if (attempt >= attempts || !isPassing(answer)) throw unreachable(target, answer);
        await this.pause(attempt);
        continue;
      }
      // Tokens last minutes and large images take longer, so an old one is worth one more login.
      const challenges = loggedIn ? [] : this.challengesOf(target, answer, action);
      if (challenges.length > 0) {
        loggedIn = true;
        if (!(await this.logIn(target, challenges, action)) || init.stream) return answer;
        await answer.bytes();
        attempt--;
        continue;
      }
      if (!isPassingStatus(answer.status) || attempt >= attempts) return answer;
      await answer.bytes();
      await this.pause(attempt, answer.headers.get("retry-after"));
    }
  }

  /** Waits before the next attempt: as long as the registry asked, otherwise longer each time. */
  async pause(attempt: number, retryAfter: string | null = null): Promise<void> {
    const growing = this.backoffMs * 2 ** (attempt - 1) * (0.75 + Math.random() / 2);
    await sleep(Math.min(retryAfterMs(retryAfter) ?? growing, LONGEST_PAUSE_MS));
  }

  /** Waits as long as somebody else may take to write what was read; where we are slow, others are. */
  async settle(tookMs: number): Promise<void> {
    await sleep(Math.max(2 * this.backoffMs, 2 * tookMs));
  }

  /** Waits a while that is another each time. */
  async stagger(times: number): Promise<void> {
    await sleep((this.backoffMs / 10) * times * Math.random());
  }

  /**
   * What is to be answered for another try: the challenges of a 401, and of a 403, which some registries say where a
   * token is good for less than is asked (RFC 6750; devcontainers/cli#945 for IBM's). Where that names none, as GCR's
   * (containerd#1318), a token for reading is changed for one that writes.
   */
  private challengesOf(
    target: RepositoryAddress,
    { status, headers }: Answer,
    action: Action | undefined,
  ): readonly Challenge[] {
    if (status !== 401 && status !== 403) return [];
    const challenges = parseChallenges(headers.get("www-authenticate"));
    const used = this.tokens.get(tokenKey(target))?.challenge;
    if (status === 401 || challenges.length > 0 || !action || !used) return challenges;
    return used.scheme === "bearer" && !allows(used, action) ? [used] : [];
  }

  private async logIn(
    target: RepositoryAddress,
    challenges: readonly Challenge[],
    action: Action | undefined,
  ): Promise<boolean> {
    const { registry, repository } = target;
    const keptCredentials = this.logins && (await keptLogin(this.logins, registry));
    const credentials = keptCredentials || (await findCredentials(registry, this.dockerConfig, repository));
    const chosen = chooseChallenge(challenges, credentials);
    const challenge = chosen && action ? allowing(chosen, repository, action) : chosen;
    const header = challenge && (await authorize(registry, repository, challenge, credentials, this));
    if (header) this.tokens.set(tokenKey(target), { header, challenge });
    return header !== undefined;
  }

  private baseUrl(registry: string): string {
    // Docker Hub's interface is on another host than its name says.
    if (registry === DEFAULT_REGISTRY) return "https://registry-1.docker.io";
    const hasAuthority = this.logins !== undefined && trustedAuthority(this.logins, registry);
    return `${isLoopback(registry) && !hasAuthority ? "http" : "https"}://${registry}`;
  }

  private async send(target: RepositoryAddress, url: URL, init: RequestOptions): Promise<Answer> {
    const clock = new SilenceClock(init.timeoutMs ?? this.timeoutMs);
    const token = this.tokens.get(tokenKey(target))?.header;
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
        ...(init.redirect && { redirect: init.redirect }),
        ...patient(),
        signal: clock.signal,
      });
      return readable(response, clock, url);
    } finally {
      clock.stop();
    }
  }
}

function tokenKey(target: RepositoryAddress): string {
  return `${target.registry}/${target.repository}`;
}

const shared = { transport: undefined as Transport | undefined };

/** The transport used when none is given: one for the process, so that logins are shared. */
export function sharedTransport(): Transport {
  shared.transport ??= new Transport();
  return shared.transport;
}
