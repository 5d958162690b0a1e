import { existsSync, readFileSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import type { Home } from "../../home.ts";
import type { FarSetting, StackBuilder } from "../../lib/builders/builder-setting.ts";
import { writeJson } from "../program/files.ts";
import { note } from "../program/progress.ts";
import { freshSocket } from "../services/builder-socket.ts";
import { BUILDKITD_CONFIG, writeBuildxInstance } from "../services/buildkitd.ts";
import { stopDaemon } from "../services/daemon.ts";
import { problemOf } from "./ask-builder.ts";
import type { Upstream } from "./dial.ts";
import { RentedWay, type Renting } from "./rented-way.ts";
import { type Watched, watchBuilder, watched, watchTimes } from "./watch.ts";
import { openWay } from "./way.ts";

/** A builder that was lost while a run used it. */
export interface Loss {
  /** The names that images know it by. */
  readonly names: readonly string[];
  /** Its address. */
  readonly shown: string;
  readonly problem: string;
}

/** A stack's builders for the time of a run: the ways to those elsewhere, and an eye on each. */
export interface Ways {
  /** Where buildx, and with it the docker-build provider, finds them. */
  readonly environment: Readonly<Record<string, string>>;
  /** Those that were lost so far. */
  readonly losses: readonly Loss[];
  /** Is told of each loss. */
  onLoss: (loss: Loss) => void;
  /** Asks each that is not lost, and tells of those that are: a builder here that was killed ends its builds by itself. */
  look(): Promise<void>;
  /** Whether one that was lost is there again, or another one stands in for it. */
  canGoOn(): Promise<boolean>;
  close(): void;
}

/** Where builders of a stack are, and who watches them. */
export class OpenWays implements Ways {
  readonly environment: Readonly<Record<string, string>>;
  readonly losses: Loss[] = [];
  readonly folder: string;
  readonly #instances: string;
  readonly #home: Home;
  readonly #ends: (() => void)[] = [];
  readonly #groups: Watched[][] = [];
  readonly #watched: { readonly upstream: Watched; readonly names: readonly string[] }[] = [];
  readonly #rented: { readonly way: RentedWay; readonly rent: Renting }[] = [];
  onLoss: (loss: Loss) => void = () => {};

  /** @param isAsBefore whether buildx knows all of them already */
  constructor(home: Home, folder: string, isAsBefore: boolean) {
    this.#home = home;
    this.folder = folder;
    this.#instances = join(folder, "buildx");
    this.environment = isAsBefore ? {} : { BUILDX_CONFIG: this.#instances, STRATA_WAYS: folder };
  }

  /** One whose connections lead through here. */
  async openFar({ names, setting }: StackBuilder & { readonly setting: FarSetting }, upstreams: Watched[]) {
    this.#groups.push(upstreams);
    for (const [index, name] of names.entries()) {
      const socket = await freshSocket(join(this.folder, `${name}.sock`));
      // Each has one of its own, and the others where that is gone.
      const order = [...upstreams.slice(index), ...upstreams.slice(0, index)];
      const way = await openWay(socket, order, (upstream, problem) => this.#lose(upstream, names, problem));
      this.#ends.push(
        () => way.close(),
        () => rmSync(socket, { force: true }),
      );
      await writeBuildxInstance(this.#instances, name, `unix://${socket}`);
    }
    const times = watchTimes(setting.patience);
    for (const upstream of upstreams) {
      this.#watched.push({ upstream, names });
      const onGone = (_: Watched, problem: string) => this.#lose(upstream, names, problem);
      this.#ends.push(watchBuilder(upstream, times, onGone));
    }
  }

  /** One that comes while the run lasts. @param rent who starts it */
  async openRented(name: string, patience: number, rent: Renting): Promise<RentedWay> {
    const way = new RentedWay(patience, (place, problem) => {
      this.#lose(place, [name], problem);
      rent.onLost(problem);
    });
    this.#rented.push({ way, rent });
    const socket = await freshSocket(join(this.folder, `${name}.sock`));
    const open = await openWay(socket, [way.place], (_, problem) => way.lose(problem));
    this.#ends.push(
      () => way.leave(),
      () => open.close(),
      () => rmSync(socket, { force: true }),
    );
    await writeBuildxInstance(this.#instances, name, `unix://${socket}`);
    return way;
  }

  /** One that buildx knows already, under the name that images have for it. */
  async copyKnown(name: string, folders: readonly string[], known = name): Promise<void> {
    const folder = folders.find((each) => existsSync(join(each, "instances", known)));
    // Whatever else it may be, a Docker context for instance, Docker's own configuration tells of it.
    if (folder === undefined) return;
    const instance = JSON.parse(readFileSync(join(folder, "instances", known), "utf8"));
    await writeJson(join(this.#instances, "instances", name), { ...instance, Name: name });
  }

  /** The builder of this machine: what is connected with it goes by its own socket, so it is ended itself. */
  watchLocal(names: readonly string[], address: string, patience: number): void {
    const path = address.replace("unix://", "");
    const upstream = watched({
      shown: "on this machine",
      dial: async () => connect(path).on("error", () => {}),
    });
    this.#watched.push({ upstream, names });
    this.#ends.push(
      watchBuilder(upstream, watchTimes(patience), (_, problem) => {
        this.#lose(upstream, names, problem);
        void stopDaemon(this.#home, "buildkitd", BUILDKITD_CONFIG, 1_000);
      }),
    );
  }

  #lose(upstream: Upstream, names: readonly string[], problem: string): void {
    const { shown } = upstream;
    if (this.losses.some((loss) => loss.shown === shown && loss.names === names)) return;
    const loss = { names, shown, problem };
    this.losses.push(loss);
    this.onLoss(loss);
    upstream.fate?.().then(
      (said) => said && said !== problem && note(`builders: the ${shown} ${said}`),
      () => {},
    );
  }

  async look(): Promise<void> {
    const asked = this.#watched.map(async ({ upstream, names }) => {
      // It is known to be, or was from the start: what failed did not fail by it.
      if (upstream.gone !== undefined) return;
      // One that was replaced in the meantime answers as if nothing had been.
      const problem =
        (await problemOf(upstream))?.message ?? (await upstream.fate?.().catch(() => undefined));
      if (problem) this.#lose(upstream, names, problem);
    });
    const rented = this.#rented.map(({ way }) => way.look());
    await Promise.all([...asked, ...rented]);
  }

  async canGoOn(): Promise<boolean> {
    // One on this machine is started by set-up alone.
    const again = this.#rented.filter(({ rent }) => rent.canRent()).map(({ way }) => way.place);
    const far = [...this.#groups.flat(), ...again].map(({ shown }) => shown);
    if (!this.losses.every(({ shown }) => far.includes(shown))) return false;
    for (const group of this.#groups) {
      let found = await Promise.all(group.map((each) => problemOf(each)));
      if (found.every((problem) => problem !== undefined)) {
        const came = await Promise.all(group.map((each) => each.comesBack?.()));
        if (came.every((back) => back === false)) return false;
        found = await Promise.all(group.map((each) => problemOf(each)));
      }
      for (const [index, each] of group.entries()) each.gone = found[index]?.message;
      if (found.every((problem) => problem !== undefined)) return false;
    }
    this.losses.length = 0;
    return true;
  }

  close(): void {
    for (const end of this.#ends.splice(0)) end();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
