import { rmSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { longestRent } from "../../lib/builders/aws-setting.ts";
import { type AwsBuilderDescription, parseAwsBuilder } from "../../lib/hosts/description.ts";
import type { RentAnswer } from "../../lib/hosts/rent.ts";
import type { Guard } from "../hosts/aws/guard.ts";
import { HostTrouble } from "../hosts/machine.ts";
import { elapsed, note } from "../program/progress.ts";
import { freshSocket } from "../services/builder-socket.ts";
import type { RentedWay, Renting } from "../ways/rented-way.ts";
import type { RentGuest, RentMeans, RentTerms } from "./rent-terms.ts";
import { type RentedBuilder, rentBuilder } from "./rented-builder.ts";

/** How often a builder is started for one run: an interrupted spot instance is followed by one on demand. */
const MOST_RENTS = 2;

/**
 * Starts one builder for the heavy stages of an update as soon as the update's program says what it is to be, beside the first
 * light stages; the program's heavy images wait for the answer. It ends after the last of them, or with the run.
 */
export class RentOffice implements Renting {
  guest: RentGuest | undefined;
  readonly #terms: RentTerms;
  readonly #means: RentMeans;
  #way: RentedWay | undefined;
  #awaited = new Set<string>();
  #asksFor = false;
  #rents = 0;
  #lostOnSpot = false;
  #abort = new AbortController();
  #renting: Promise<RentedBuilder> | undefined;
  #builder: RentedBuilder | undefined;
  #guard: Guard | undefined;
  #timer: NodeJS.Timeout | undefined;
  #mourning: Promise<void> | undefined;
  #leaving: Promise<void> | undefined;
  #ending: Promise<void> | undefined;
  #closeSocket = () => {};

  constructor(terms: RentTerms, means: RentMeans) {
    this.#terms = terms;
    this.#means = means;
    this.begin();
  }

  /** An update begins. @param names of the resources that it is about. @default all */
  begin(names: readonly string[] = this.#terms.heavy): void {
    this.#abort = new AbortController();
    this.#leaving = undefined;
    this.#awaited = new Set(this.#terms.heavy.filter((name) => names.includes(name)));
    this.#asksFor = this.#terms.missing.some((name) => names.includes(name));
  }

  /** Listens for the update's program. @returns the socket */
  async listen(folder: string, way: RentedWay): Promise<string> {
    this.#way = way;
    const socket = await freshSocket(join(folder, "rent.sock"));
    const server = createServer((client) => void this.#serve(client)).unref();
    await new Promise<void>((resolve, reject) => server.once("error", reject).listen(socket, resolve));
    this.#closeSocket = () => {
      server.close();
      rmSync(socket, { force: true });
    };
    return socket;
  }

  async #serve(client: Socket): Promise<void> {
    client.on("error", () => {});
    for await (const line of createInterface({ input: client })) {
      const problem = await this.#answer(line).catch((error: unknown) => wordsOf(error));
      client.end(`${JSON.stringify({ problem } satisfies RentAnswer)}\n`);
      return;
    }
  }

  /** Why there is no builder; null where there is one, or nobody needs it. */
  async #answer(line: string): Promise<string | null> {
    if (!this.#asksFor) return null;
    this.#renting ??= this.#rent(parseAwsBuilder(JSON.parse(line)));
    this.#builder = await this.#renting;
    return null;
  }

  async #rent(given: AwsBuilderDescription): Promise<RentedBuilder> {
    this.#rents++;
    // What EC2 has just taken back, it may take back again.
    const description = this.#lostOnSpot ? { ...given, spot: false } : given;
    const clients = this.#means.clients(description);
    const guard = this.#means.openGuard(description);
    this.#guard = guard;
    const { minutes, dollars } = this.#terms;
    const longest = longestRent({ minutes, instances: description.instances }, dollars);
    note(`builder for heavy stages: asking EC2 in ${description.region}, for ${elapsed(longest)} at most`);
    const { signal } = this.#abort;
    const builder = await rentBuilder(
      description,
      {
        deadline: Date.now() + longest,
        signal,
        onInstance: (instance) => guard.tell({ instance }),
        openTunnel: this.#means.openTunnel(description, clients),
      },
      clients,
    ).catch((error: unknown) => {
      guard.tell({ done: true });
      throw error;
    });
    const { at, dollarsPerHour } = builder.instance;
    const taken = elapsed(Date.now() - at);
    note(
      `builder for heavy stages: ${builder.upstream.shown}, $${dollarsPerHour.toFixed(2)} an hour at most, there after ${taken}`,
    );
    this.#way?.lead(builder.upstream);
    const over = () => this.#way?.lose(`has used up its ${elapsed(longest)}, by its minutes or the budget`);
    this.#timer = setTimeout(over, Math.max(0, at + longest - Date.now())).unref();
    await this.guest?.came();
    return builder;
  }

  /** A resource is there: after the last heavy one nobody needs the builder. What failed is asked for its log before. */
  ended(name: string | undefined): void {
    if (name !== undefined && this.#awaited.delete(name) && this.#awaited.size === 0) void this.#leave();
  }

  /** Its end, after what somebody wants of it yet: not where it was lost, or the user ends the update. */
  #leave(): Promise<void> {
    const { guest } = this;
    if (!guest || !this.#builder) return this.end();
    this.#leaving ??= guest.goes().then(() => this.end());
    return this.#leaving;
  }

  canRent(): boolean {
    return this.#rents < MOST_RENTS && !this.#abort.signal.aborted;
  }

  onLost(): void {
    const builder = this.#builder;
    if (!builder) return;
    this.#lostOnSpot ||= builder.instance.market === "spot";
    this.#mourning = builder.lastWords().then(async (why) => {
      if (why) note(`${builder.upstream.shown}: ${why}`);
      await this.end();
    });
  }

  /** Whoever interrupts an update may leave it no more than a moment: what costs money goes first. */
  interrupt(): void {
    this.#abort.abort();
    void this.end();
  }

  /** Ends the builder, or its beginning; resolves when nothing is left of it. */
  end(): Promise<void> {
    this.#ending = Promise.all([this.#ending, this.#end()]).then(() => {});
    return this.#ending;
  }

  async #end(): Promise<void> {
    clearTimeout(this.#timer);
    const renting = this.#renting;
    this.#way?.leave();
    if (!renting) return;
    if (!this.#builder) this.#abort.abort();
    this.#renting = undefined;
    this.#builder = undefined;
    const builder = await renting.catch(() => undefined);
    if (!builder) return;
    await builder.end();
    this.#guard?.tell({ done: true });
    const { at, dollarsPerHour } = builder.instance;
    const hours = (Date.now() - at) / 3_600_000;
    note(
      `builder for heavy stages: ${builder.instance.id} ended after ${elapsed(Date.now() - at)}, $${(hours * dollarsPerHour).toFixed(2)} at most`,
    );
  }

  /** The update has ended. */
  async finish(): Promise<void> {
    await this.#mourning;
    await this.#leave();
  }

  close(): void {
    this.#closeSocket();
  }
}

function wordsOf(error: unknown): string {
  return `there is no builder: ${error instanceof HostTrouble ? error.message : error}.`;
}
