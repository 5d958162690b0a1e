import { stripVTControlCharacters } from "node:util";
import type { Build } from "../../lib/preview/build-history.ts";
import { readStageTag } from "../../lib/registry/tags.ts";
import { type EngineEvent, type Metadata, nameOf, targetOf } from "./engine-events.ts";
import { verbs } from "./events.ts";

/** An operation of this run, as it stands. */
export interface Operation {
  readonly name: string;
  readonly verb: string;
  /** Milliseconds, as `now` gives them. */
  readonly started: number;
  ended?: number;
  failed: boolean;
  /** Compressed size of what was pushed; of images alone, a moment after they are done. */
  bytes?: number;
  /** The last line of its log. */
  last: string;
  /** What is built, as it will be tagged; only images have one. */
  readonly target: string | undefined;
  /** BuildKit's numbers of the steps of its Dockerfile, and of those that the cache answered. */
  readonly steps: Set<string>;
  readonly cached: Set<string>;
}

/** `#7 [build 1/2] RUN …`: a step of a Dockerfile; what it starts from is no work. */
const step = /^#(\d+) \[(?:[^\]]* )?\d+\/\d+\] (?!FROM )/;
const fromCache = /^#(\d+) CACHED/;

/** Follows the engine's events: what runs, how long each thing took, and how large it came out. */
export class Builds {
  readonly #operations = new Map<string, Operation>();
  readonly #now: () => number;

  /** `now` gives milliseconds. */
  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** In the order in which they began. */
  get operations(): readonly Operation[] {
    return [...this.#operations.values()];
  }

  handle({ resourcePreEvent, resOutputsEvent, resOpFailedEvent, diagnosticEvent }: EngineEvent): void {
    if (resourcePreEvent) this.#begin(resourcePreEvent.metadata);
    if (resOutputsEvent) this.#end(resOutputsEvent.metadata);
    if (resOpFailedEvent) this.#settle(resOpFailedEvent.metadata.urn, true);
    if (diagnosticEvent?.ephemeral && diagnosticEvent.urn) {
      // Compilers and installers colour their lines, which would end the colours of the list.
      const lines = stripVTControlCharacters(diagnosticEvent.message).split("\n");
      for (const line of lines) this.#read(diagnosticEvent.urn, line.trim());
    }
  }

  /** The images that were really built: what a cache answered says nothing of the next build. */
  history(where: Pick<Build, "recipe" | "generation">): Build[] {
    return this.operations.flatMap(({ target, started, ended, failed, steps, cached, bytes }) => {
      const { name: stage, key } = readStageTag(target ?? "") ?? {};
      const worked = [...steps].some((number) => !cached.has(number));
      if (!stage || !key || ended === undefined || failed || !worked) return [];
      const seconds = Math.round((ended - started) / 100) / 10;
      return [{ stage, key, ...where, seconds, bytes: bytes ?? null, at: new Date(ended).toISOString() }];
    });
  }

  #begin({ op, urn, new: fresh, old }: Metadata): void {
    const verb = verbs[op];
    if (!verb || !(fresh ?? old)?.custom) return;
    this.#operations.set(urn, {
      name: nameOf(urn),
      verb,
      started: this.#now(),
      failed: false,
      last: "",
      target: targetOf(fresh),
      steps: new Set(),
      cached: new Set(),
    });
  }

  #end({ urn, new: fresh }: Metadata): void {
    this.#settle(urn, false);
    const bytes = fresh?.outputs?.compressedSize;
    if (bytes === undefined) return;
    // The component around an image has its name, and measures it.
    const image = this.operations.find(({ name, target }) => target && name === nameOf(urn));
    if (image) image.bytes = Math.round(bytes);
  }

  #settle(urn: string, failed: boolean): void {
    const operation = this.#operations.get(urn);
    if (!operation) return;
    operation.ended = this.#now();
    operation.failed = failed;
  }

  #read(urn: string, line: string): void {
    const operation = this.#operations.get(urn);
    if (!operation || line === "") return;
    operation.last = line;
    const [, number] = step.exec(line) ?? [];
    if (number) operation.steps.add(number);
    const [, answered] = fromCache.exec(line) ?? [];
    if (answered) operation.cached.add(answered);
  }
}
