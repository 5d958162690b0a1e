import { askForWorkers } from "./ask-builder.ts";
import type { Unreachable, Upstream } from "./dial.ts";

/** A builder that a run watches. */
export interface Watched extends Upstream {
  /** Why it is taken for gone; undefined while it answers. */
  gone: string | undefined;
  /** What is connected with it: each ends one connection. */
  readonly connections: Set<() => void>;
}

export interface WatchTimes {
  /** Milliseconds between two questions. */
  readonly everyMs: number;
  /** Milliseconds without an answer after which it is gone. */
  readonly patienceMs: number;
}

/**
 * Questions in the time after which a builder is gone. With the usual 40 s, one that also takes no connections is told of
 * after 50: dialling and asking take 10 s each, twice, and 5 s lie before each.
 */
const QUESTIONS = 8;

/** @param patience seconds */
export function watchTimes(patience: number): WatchTimes {
  return { everyMs: (patience * 1_000) / QUESTIONS, patienceMs: patience * 1_000 };
}

export function watched(upstream: Upstream): Watched {
  return {
    ...upstream,
    dial: (timeoutMs) => upstream.dial(timeoutMs),
    gone: undefined,
    connections: new Set(),
  };
}

/**
 * Asks a builder again and again, each time over a connection of its own. One that has not answered for too long is gone: all
 * its connections are ended, with them the builds, and it is asked on, as it may come back.
 *
 * Time is that of the machine's running: one that slept has waited for nobody.
 *
 * @returns ends the watch
 */
export function watchBuilder(
  builder: Watched,
  { everyMs, patienceMs }: WatchTimes,
  onGone: (builder: Watched, problem: string) => void,
): () => void {
  let answered = performance.now();
  let failures = 0;
  let isOver = false;
  let timer: NodeJS.Timeout | undefined;
  const ask = async () => {
    // One that answers late answers: a question may take longer than the next one is away.
    const problem = await askForWorkers(builder, 2 * everyMs).then(
      () => undefined,
      (error: Unreachable) => error.message,
    );
    if (isOver) return;
    const now = performance.now();
    if (problem === undefined) {
      answered = now;
      failures = 0;
      builder.gone = undefined;
    } else if (++failures > 1 && builder.gone === undefined && now - answered >= patienceMs) {
      builder.gone = problem;
      onGone(builder, problem);
      for (const end of builder.connections) end();
    }
    again();
  };
  const again = () => {
    timer = setTimeout(ask, everyMs).unref();
  };
  again();
  return () => {
    isOver = true;
    clearTimeout(timer);
  };
}
