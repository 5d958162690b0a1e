/**
 * Workflows as editors have written them since 2023, made up of choices: levels of subgraphs, group nodes, links of all forms,
 * values in all places, nodes that do not run. What they need is known, as it is chosen first.
 */
import fc, { type GeneratorValue } from "fast-check";

type Json = Record<string, unknown>;

/** A workflow, and the files that its loaders need which run. */
export interface Made {
  readonly workflow: Json;
  readonly files: ReadonlySet<string>;
}

const loaders = [
  { type: "UNETLoader", input: "unet_name", folder: "models/diffusion_models" },
  { type: "CLIPLoader", input: "clip_name", folder: "models/text_encoders" },
  { type: "LoraLoaderModelOnly", input: "lora_name", folder: "models/loras" },
] as const;

/** Deeper is the same again. */
const DEEPEST = 3;

/** The files that a part of a workflow needs, where it runs or not, with the values that count for widgets in it. */
type Needed = (runs: boolean, values: ReadonlyMap<string, string>) => string[];

/** A widget that an instance around may show; its key is unique in its level. */
interface Shown {
  readonly id: number;
  readonly slot: number;
  readonly name: string;
  /** The node further in that has it, where the shown one is an instance. */
  readonly source: number | null;
}

/** One level while it is written: its nodes and links, with ids of its own. */
interface Level {
  readonly nodes: Json[];
  readonly links: unknown[];
  readonly isInside: boolean;
  readonly parts: Needed[];
  readonly shown: Shown[];
  nextNode: number;
  nextLink: number;
}

/** A subgraph, for one instance or several. */
interface Definition {
  readonly json: Json;
  readonly level: Level;
  /** What each instance shows, and by which form. */
  readonly outer: readonly Shown[];
  readonly form: "list" | "text" | "parts" | "inputs" | "none";
}

const keyOf = ({ id, slot }: Pick<Shown, "id" | "slot">) => `${id}/${slot}`;
const needed =
  ({ parts }: Level): Needed =>
  (runs, values) =>
    parts.flatMap((part) => part(runs, values));

class Maker {
  readonly subgraphs: Definition[] = [];
  readonly groups: Json = {};
  private names = 0;
  private readonly pick: GeneratorValue;

  constructor(pick: GeneratorValue) {
    this.pick = pick;
  }

  make(): Made {
    const top = this.level(false);
    this.fill(top, 0);
    this.node(top, "SaveImage", { outputs: [] });
    const subgraphs = this.subgraphs.map(({ json }) => json);
    const definitions = subgraphs.length > 0 ? { definitions: { subgraphs } } : {};
    const extra = { groupNodes: this.groups };
    const workflow = { version: 0.4, nodes: top.nodes, links: top.links, ...definitions, extra };
    return { workflow, files: new Set(needed(top)(true, new Map())) };
  }

  private chance(outOf = 2): boolean {
    return this.pick(fc.nat, outOf - 1) === 1;
  }

  private oneOf<T>(values: readonly T[]): T {
    return values[this.pick(fc.nat, values.length - 1)] as T;
  }

  private fileName(): string {
    const folder = this.oneOf(["", "sub/", "a\\b\\", "mit Leerraum/"]);
    return `${folder}f${this.names++}.${this.oneOf(["safetensors", "gguf", "pt"])}`;
  }

  private level(isInside: boolean): Level {
    return { nodes: [], links: [], isInside, parts: [], shown: [], nextNode: 1, nextLink: 1 };
  }

  /** Loaders, and what is further in. */
  private fill(level: Level, depth: number): void {
    for (let left = 1 + this.pick(fc.nat, 3); left > 0; left--) {
      const kind = this.pick(fc.nat, 6);
      if (kind <= 1 && depth < DEEPEST) this.instance(level, this.definition(depth));
      else if (kind === 2 && depth === 0 && this.subgraphs.length > 0)
        this.instance(level, this.oneOf(this.subgraphs));
      else if (kind === 3) this.group(level);
      else this.loader(level);
    }
    if (this.chance(4)) this.node(level, "Note", { widgets_values: ["see https://h/x/other.safetensors"] });
  }

  private node(level: Level, type: string, more: Json): Json & { id: number } {
    const id = level.nextNode++;
    const node = { id, type, mode: 0, inputs: [], outputs: [{ name: "out" }], properties: {}, ...more };
    level.nodes.push(node);
    return node;
  }

  /** As a list, or with names; slots and ids as numbers or texts; holes where links were taken away. */
  private link(level: Level, from: number, to: number, toSlot: number, fromSlot = 0): number {
    const id = level.nextLink++;
    const written = (value: number) => (this.chance(6) ? String(value) : value);
    const list = [id, written(from), written(fromSlot), written(to), written(toSlot), "*"];
    const object = { id, origin_id: from, origin_slot: fromSlot, target_id: to, target_slot: toSlot };
    if (this.chance(8)) level.links.push(null);
    level.links.push(level.isInside || this.chance(4) ? object : list);
    return id;
  }

  /** Muted and bypassed nodes do not run; 1 and 3 are of old editors and do. */
  private mode(): { mode: number; isOn: boolean } {
    const mode = this.oneOf([0, 0, 0, 1, 3, 2, 4]);
    return { mode, isOn: mode !== 2 && mode !== 4 };
  }

  private loader(level: Level): void {
    const { type, input, folder } = this.oneOf(loaders);
    const { mode, isOn } = this.mode();
    const own = this.fileName();
    const widget: Json = { name: input, type: "COMBO", widget: { name: input }, link: null };
    const isListed = !this.chance(3);
    const values = this.chance(6) ? { [input]: own } : [own];
    const inputs = isListed ? [widget] : [];
    const node = this.node(level, type, { mode, inputs, outputs: [], widgets_values: values });
    const key = keyOf({ id: node.id, slot: 0 });
    let given: string | undefined;
    if (this.chance(3)) {
      node.inputs = [widget];
      given = this.given(level, node.id, widget);
    } else if (isListed) level.shown.push({ id: node.id, slot: 0, name: input, source: null });
    level.parts.push((runs, outer) => {
      const name = given ?? outer.get(key) ?? own;
      return runs && isOn ? [`${folder}/${name.replaceAll("\\", "/")}`] : [];
    });
  }

  /** A value through a link: of a constant, along reroutes, or by a name that it is kept under. */
  private given(level: Level, to: number, widget: Json): string {
    const value = this.fileName();
    const type = this.oneOf(["PrimitiveNode", "PrimitiveString"]);
    let from = this.node(level, type, { widgets_values: [value, "fixed"] }).id;
    for (let left = this.pick(fc.nat, 2); left > 0; left--) {
      const reroute = this.node(level, this.oneOf(["Reroute", "Reroute (rgthree)"]), {
        inputs: [{ name: "", link: level.nextLink }],
      });
      this.link(level, from, reroute.id, 0);
      from = reroute.id;
    }
    if (this.chance(3)) {
      const kind = this.oneOf(["Set|Get", "easy set|easy get"]).split("|");
      const name = `kept ${this.names++}`;
      const inputs = [{ name: "*", link: level.nextLink }];
      const kept = this.node(level, `${kind[0]}Node`, { inputs, widgets_values: [name] });
      this.link(level, from, kept.id, 0);
      from = this.node(level, `${kind[1]}Node`, { widgets_values: [name] }).id;
    }
    widget.link = this.link(level, from, to, 0);
    return value;
  }

  private definition(depth: number): Definition {
    const level = this.level(true);
    this.fill(level, depth + 1);
    const chosen = this.oneOf(["list", "text", "parts", "inputs", "none"] as const);
    // Only what a node has as an input can be linked to the border.
    const possible = level.shown.filter(({ id, slot }) => {
      const node = level.nodes.find((each) => each.id === id) as { inputs: Json[] };
      return chosen !== "inputs" || node.inputs[slot] !== undefined;
    });
    const form = possible.length === 0 ? "none" : chosen;
    const count = form === "none" ? 0 : 1 + this.pick(fc.nat, possible.length - 1);
    const outer = possible.slice(0, count);
    const id = `00000000-0000-4000-8000-${String(this.names++).padStart(12, "0")}`;
    const json: Json = { id, name: "made", nodes: level.nodes, links: level.links, inputs: [] };
    if (form === "inputs") {
      json.inputs = outer.map(({ name }, slot) => ({ id: `in-${slot}`, name: `${name}_${slot}` }));
      for (const [slot, shown] of outer.entries()) {
        const node = level.nodes.find((each) => each.id === shown.id) as { inputs: Json[] };
        const input = node.inputs[shown.slot];
        if (input) input.link = this.link(level, -10, shown.id, shown.slot, slot);
      }
    }
    const made = { json, level, outer, form };
    this.subgraphs.push(made);
    return made;
  }

  /** One use of a subgraph, with values of its own for what it shows, or without. */
  private instance(level: Level, { json, level: inner, outer, form }: Definition): void {
    const { mode, isOn } = this.mode();
    const node = this.node(level, json.id as string, { mode, outputs: [] });
    const isSaved = form === "inputs" || !this.chance(4);
    const values = isSaved ? outer.map(() => this.fileName()) : [];
    const names = outer.map(({ name }, slot) => (form === "inputs" ? `${name}_${slot}` : name));
    node.widgets_values = values;
    if (form === "inputs") {
      node.inputs = names.map((name) => ({ name, type: "COMBO", widget: { name }, link: null }));
      if (this.chance(3))
        node.widgets_values = Object.fromEntries(names.map((name, at) => [name, values[at]]));
    } else if (form !== "none") {
      const list = outer.map(({ id, name, source }) =>
        source !== null || form === "parts"
          ? [String(id), name, source === null ? null : String(source)]
          : [String(id), name],
      );
      node.properties = { proxyWidgets: form === "text" ? JSON.stringify(list) : list };
    }
    const keys = outer.map((_, slot) => keyOf({ id: node.id, slot }));
    level.parts.push((runs, around) => {
      const counts = outer.flatMap((shown, slot) => {
        const value = around.get(keys[slot] as string) ?? values[slot];
        return value === undefined ? [] : [[keyOf(shown), value] as const];
      });
      return needed(inner)(runs && isOn, new Map(counts));
    });
    if (form === "inputs") {
      for (const [slot, name] of names.entries()) level.shown.push({ id: node.id, slot, name, source: null });
    } else {
      // Of several widgets of one name the innermost node tells which; where that is the same too, nothing does.
      const innermost = outer.map(({ name, id, source }) => `${source ?? id}/${name}`);
      for (const [slot, { name, id, source }] of outer.entries()) {
        const isAlone = innermost.filter((each) => each === innermost[slot]).length === 1;
        if (isAlone) level.shown.push({ id: node.id, slot, name, source: source ?? id });
      }
    }
  }

  /** As editors before subgraphs had it: all values in one list. */
  private group(level: Level): void {
    const { mode, isOn } = this.mode();
    const name = `made ${this.names++}`;
    const chosen = Array.from({ length: 1 + this.pick(fc.nat, 2) }, () => this.oneOf(loaders));
    const values = chosen.map(() => this.fileName());
    const nodes = chosen.map(({ type, input }, index) => {
      const inputs = [{ name: input, widget: { name: input }, link: null }];
      return { index, type, mode: 0, inputs, widgets_values: [this.fileName()] };
    });
    this.groups[name] = { nodes, links: [] };
    const type = `workflow${this.oneOf(["/", ">"])}${name}`;
    this.node(level, type, { mode, outputs: [], widgets_values: values });
    level.parts.push((runs) =>
      runs && isOn
        ? chosen.map(({ folder }, at) => `${folder}/${(values[at] as string).replaceAll("\\", "/")}`)
        : [],
    );
  }
}

/** A workflow of the choices that fast-check makes. */
export function madeWorkflow(pick: GeneratorValue): Made {
  return new Maker(pick).make();
}
