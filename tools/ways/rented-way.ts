import { type ClientHttp2Session, connect } from "node:http2";
import { problemOf } from "./ask-builder.ts";
import { Unreachable, type Upstream } from "./dial.ts";
import { type Watched, watchBuilder, watchTimes } from "./watch.ts";

/** Milliseconds that a connection may take, and until it is tried again. */
const HOLD_MS = 10_000;

/** Who starts a builder that comes while a run lasts. */
export interface Renting {
  /** Whether another one can be had in the place of one that was lost. */
  canRent(): boolean;
  onLost(problem: string): void;
}

/** Where the way to such a builder leads: nowhere at first. */
interface Place extends Watched {
  shown: string;
}

/** The way to a builder that comes while a run lasts, and goes before its end. */
export class RentedWay {
  readonly place: Place;
  readonly #patience: number;
  readonly #onLost: (place: Upstream, problem: string) => void;
  #upstream: Upstream | undefined;
  #endWatch: () => void = () => {};
  #held: ClientHttp2Session | undefined;

  /** @param patience seconds without an answer after which it is gone */
  constructor(patience: number, onLost: (place: Upstream, problem: string) => void) {
    this.#patience = patience;
    this.#onLost = onLost;
    this.place = {
      shown: "for heavy stages",
      gone: "is not there yet",
      connections: new Set(),
      dial: async (timeoutMs) => {
        if (!this.#upstream) throw new Unreachable("is not there", "");
        return await this.#upstream.dial(timeoutMs);
      },
    };
  }

  /** From here on it leads there, and the builder is watched. */
  lead(upstream: Upstream): void {
    this.#upstream = upstream;
    this.place.shown = upstream.shown;
    this.place.gone = undefined;
    this.#endWatch = watchBuilder(this.place, watchTimes(this.#patience), (_, problem) =>
      this.#tell(problem),
    );
    void this.#hold(upstream);
  }

  /** A connection that stays: an instance that nobody is connected with ends itself (lib/hosts/builder-data.sh). */
  async #hold(upstream: Upstream): Promise<void> {
    const socket = await upstream.dial(HOLD_MS).catch(() => undefined);
    if (this.#upstream !== upstream) socket?.destroy();
    else if (socket) {
      this.#held = connect("http://buildkitd", { createConnection: () => socket }).on("error", () => {});
      this.#held.unref();
      this.#held.once("close", () => this.#holdAgain(upstream));
    } else this.#holdAgain(upstream);
  }

  #holdAgain(upstream: Upstream): void {
    if (this.#upstream === upstream) setTimeout(() => void this.#hold(upstream), HOLD_MS).unref();
  }

  /** What a builder was lost by; its builds end. */
  lose(problem: string): void {
    if (this.place.gone !== undefined) return;
    this.#close(problem);
    this.#tell(problem);
  }

  /** The builder is meant to go: nobody takes that for a loss. */
  leave(): void {
    if (this.#upstream) this.#close("has ended");
  }

  /** Asks it, where it is there, and tells of its loss. */
  async look(): Promise<void> {
    if (this.place.gone !== undefined) return;
    const problem = await problemOf(this.place);
    if (problem) this.lose(problem.message);
  }

  #tell(problem: string): void {
    this.#close(problem);
    this.#onLost(this.place, problem);
  }

  #close(why: string): void {
    this.#endWatch();
    this.#upstream = undefined;
    this.#held?.destroy();
    this.place.gone = why;
    for (const end of this.place.connections) end();
  }
}
