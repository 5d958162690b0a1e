import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { User } from "@kubernetes/client-node";
import { UserError } from "../../../errors.ts";
import {
  type ExecCluster,
  type ExecCredential,
  type ExecSetting,
  execInfo,
  isInteractive,
  readExecCredential,
} from "../../../lib/builders/kubernetes/exec-credential.ts";
import { note } from "../../program/progress.ts";

/** Milliseconds before its end in which a credential is made anew beside the work: a watch waits for nobody. */
const EARLY_MS = 60_000;
/** The same for one that is short: a share of its time. */
const EARLY_SHARE = 0.25;
const KEPT_LINES = 5;

/** What a request is given to log in with. */
interface Options {
  headers?: unknown;
  cert?: unknown;
  key?: unknown;
}

/**
 * Logs in by the program of a kubeconfig, as kubectl does: the library's own way tells the program nothing of what it is asked
 * for, which stops GKE's and Azure's, starts it once for each request at a time, and keeps what a cluster has refused.
 */
export class ExecLogin {
  readonly #path: string;
  readonly #user: string;
  readonly #setting: ExecSetting;
  readonly #cluster: ExecCluster;
  #held: ExecCredential | undefined;
  /** Milliseconds since 1970 at which it was given. */
  #since = 0;
  #asking: Promise<ExecCredential> | undefined;

  /** @param path of the setting, for errors @param user of the kubeconfig */
  constructor(path: string, user: string, setting: ExecSetting, cluster: ExecCluster) {
    this.#path = path;
    this.#user = user;
    this.#setting = setting;
    this.#cluster = cluster;
  }

  isAuthProvider(user: User): boolean {
    return user.name === this.#user;
  }

  async applyAuthentication(_: User, options: Options): Promise<void> {
    const { token, cert, key } = await this.credential();
    if (cert !== undefined) Object.assign(options, { cert, key });
    if (token !== undefined)
      options.headers = { ...(options.headers as object), Authorization: `Bearer ${token}` };
  }

  /** What was given last, as long as it is good. @throws UserError */
  async credential(): Promise<ExecCredential> {
    const { expires = Number.POSITIVE_INFINITY } = this.#held ?? {};
    const left = expires - Date.now();
    if (this.#held === undefined || left <= 0) return await this.#ask();
    // That this fails is told when it is needed.
    if (left < Math.min(EARLY_MS, (expires - this.#since) * EARLY_SHARE)) this.#ask().catch(() => {});
    return this.#held;
  }

  /** A cluster has refused it. */
  forget(): void {
    this.#held = undefined;
  }

  #ask(): Promise<ExecCredential> {
    this.#asking ??= this.#run()
      .then((credential) => {
        this.#held = credential;
        this.#since = Date.now();
        return credential;
      })
      .finally(() => {
        this.#asking = undefined;
      });
    return this.#asking;
  }

  async #run(): Promise<ExecCredential> {
    const { command, args, env, installHint } = this.#setting;
    const interactive = isInteractive(this.#setting, process.stdin.isTTY === true);
    if (interactive === undefined) throw this.#failed("asks at a terminal, and there is none");
    const more = Object.fromEntries((env ?? []).map(({ name, value }) => [name, value]));
    const info = execInfo(this.#setting, this.#cluster, interactive);
    const child = spawn(command, args ?? [], {
      env: { ...process.env, ...more, KUBERNETES_EXEC_INFO: info },
      stdio: [interactive ? "inherit" : "ignore", "pipe", interactive ? "inherit" : "pipe"],
    });
    const said: string[] = [];
    // Some say there where a browser has to be opened: it is shown at once.
    if (child.stderr)
      createInterface({ input: child.stderr }).on("line", (line) => {
        said.push(line);
        note(`${command}: ${line}`);
      });
    let stdout = "";
    child.stdout?.setEncoding("utf8").on("data", (chunk: string) => {
      stdout += chunk;
    });
    const [code, signal] = await new Promise<[number | null, string | null]>((resolve, reject) => {
      child.once("error", (error: NodeJS.ErrnoException) =>
        reject(
          error.code === "ENOENT"
            ? this.#failed("is not there", installHint?.trim())
            : this.#failed(`cannot be started (${error.message})`),
        ),
      );
      child.once("close", (...end) => resolve(end));
    });
    if (code !== 0) {
      const words = said.slice(-KEPT_LINES).join(" ").trim().replace(/\.$/, "");
      throw this.#failed(`ended with ${signal ?? `status ${code}`}${words ? `: ${words}` : ""}`);
    }
    const credential = readExecCredential(this.#setting, stdout);
    if (typeof credential === "string") throw this.#failed(credential);
    return credential;
  }

  #failed(problem: string, remedy = "See whether kubectl works with the same kubeconfig."): UserError {
    const { command } = this.#setting;
    return new UserError(
      this.#path,
      `${command}, by which the kubeconfig's user ${this.#user} logs in, ${problem}.`,
      remedy,
    );
  }
}
