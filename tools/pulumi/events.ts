import { builderIn, type EngineEvent, type Metadata, nameOf, targetOf } from "./engine-events.ts";

/** What is said of an operation; others go unmentioned. */
export const verbs: { readonly [op: string]: string } = {
  create: "build",
  update: "update",
  "create-replacement": "rebuild",
  delete: "remove",
  "delete-replaced": "remove the former",
};

/** Where the reporter's lines go. */
export interface Sink {
  /** A message for the user. */
  line(text: string): void;
  /** A line for the user that says that something begins or has ended. */
  step(text: string): void;
  /** A line of the log of the resource called `name`. */
  log(name: string, text: string): void;
}

interface Running {
  readonly name: string;
  readonly started: number;
  /** What is being built, as it will be tagged; only images have one. */
  readonly target: string | undefined;
  /** What builds it; undefined where nothing does. */
  readonly builder: string | undefined;
  last: string;
}

/** An operation that failed. */
export interface ResourceFailure {
  readonly name: string;
  readonly target: string | undefined;
  readonly builder: string | undefined;
  /** The end of its log, as far as the engine passed it on; empty when its error has told that already. */
  readonly tail: readonly string[];
}

/** Lines of a failed resource's log that are shown. */
const SHOWN_LINES = 30;

/**
 * Turns the engine's events into a few lines: one when a resource begins and one when it ends. Build logs go to the
 * sink's logs alone; what failed is kept in `failures`.
 */
export class Reporter {
  readonly #sink: Sink;
  readonly #now: () => number;
  readonly #running = new Map<string, Running>();
  readonly #tails = new Map<string, string[]>();
  readonly failures: ResourceFailure[] = [];

  /** `now` gives milliseconds. */
  constructor(sink: Sink, now: () => number = Date.now) {
    this.#sink = sink;
    this.#now = now;
  }

  handle(event: EngineEvent): void {
    const { resourcePreEvent, resOutputsEvent, resOpFailedEvent, diagnosticEvent } = event;
    if (resourcePreEvent) this.#begin(resourcePreEvent.metadata);
    if (resOutputsEvent) this.#end(resOutputsEvent.metadata);
    if (resOpFailedEvent) this.#fail(resOpFailedEvent.metadata);
    if (diagnosticEvent) this.#diagnose(diagnosticEvent);
  }

  /** What runs or has failed on the builders called so. */
  stagesOn(builders: readonly string[]): string[] {
    return [...this.#running.values(), ...this.failures].flatMap(({ name, builder }) =>
      builder !== undefined && builders.includes(builder) ? [name] : [],
    );
  }

  /** One line that names what is running and for how long, or undefined when nothing is. */
  heartbeat(): string | undefined {
    const parts = [...this.#running.values()].map(({ name, started, last }) => {
      const shown = last.length > 70 ? `${last.slice(0, 69)}…` : last;
      return `${name} ${this.#seconds(started)}${shown && ` (${shown})`}`;
    });
    return parts.length > 0 ? `  ... ${parts.join("; ")}` : undefined;
  }

  #begin({ op, urn, new: fresh, old }: Metadata): void {
    const verb = verbs[op];
    if (!verb || !(fresh ?? old)?.custom) return;
    const name = nameOf(urn);
    this.#running.set(urn, {
      name,
      started: this.#now(),
      target: targetOf(fresh),
      builder: builderIn(fresh),
      last: "",
    });
    this.#tails.set(urn, []);
    this.#sink.step(`  ${name}: ${verb}`);
  }

  #end({ urn }: Metadata): void {
    const running = this.#running.get(urn);
    if (!running) return;
    this.#running.delete(urn);
    this.#sink.step(`  ${running.name}: done (${this.#seconds(running.started)})`);
  }

  #fail({ urn }: Metadata): void {
    const running = this.#running.get(urn);
    this.#running.delete(urn);
    this.#sink.step(`  ${nameOf(urn)}: FAILED${running ? ` after ${this.#seconds(running.started)}` : ""}`);
    this.failures.push({
      name: nameOf(urn),
      target: running?.target,
      builder: running?.builder,
      tail: this.#tails.get(urn) ?? [],
    });
  }

  #diagnose({ urn, message, severity, ephemeral }: NonNullable<EngineEvent["diagnosticEvent"]>): void {
    if (severity === "debug") return;
    const lines = message.split("\n").filter((text) => text.trim());
    if (ephemeral) {
      if (urn) for (const text of lines) this.#remember(urn, text);
      return;
    }
    const last = this.#tails.get(urn ?? "")?.at(-1);
    // The error tells the end of the log by itself.
    if (urn && severity === "error" && last && message.includes(last.trim())) this.#tails.delete(urn);
    const label = severity === "error" || severity === "warning" ? `${severity}: ` : "";
    const subject = urn && !urn.includes("::pulumi:pulumi:Stack::") ? `${nameOf(urn)}: ` : "";
    for (const [index, text] of lines.entries())
      this.#sink.line(index === 0 ? `${label}${subject}${text}` : text);
  }

  #remember(urn: string, text: string): void {
    const running = this.#running.get(urn);
    if (running) running.last = text.trim();
    const tail = this.#tails.get(urn) ?? [];
    tail.push(text);
    if (tail.length > SHOWN_LINES) tail.shift();
    this.#tails.set(urn, tail);
    this.#sink.log(nameOf(urn), text);
  }

  #seconds(since: number): string {
    const seconds = Math.round((this.#now() - since) / 1_000);
    return seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m ${seconds % 60}s`;
  }
}
