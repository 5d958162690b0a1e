import type { CustomNode, GitSource } from "../comfyui/custom-nodes.ts";
import type { RecipeDefaults } from "../recipe/recipe.ts";

/** What an imported recipe says: the argument of `comfyuiRecipe`, in the order in which it is written. */
export interface ImportedRecipe {
  readonly name: string;
  readonly summary: string;
  readonly comfyui?: Partial<GitSource>;
  readonly runpod?: boolean;
  readonly nodes: readonly ImportedNode[];
  readonly packages?: readonly string[];
  readonly resolution: {
    readonly additional: readonly { readonly requirement: string; readonly reason: string }[];
  };
  readonly defaults?: RecipeDefaults;
}

/** A node, and how it is written: `node("owner/name", more)` where strata knows something of it. */
export interface ImportedNode {
  readonly node: CustomNode;
  readonly short?: { readonly name: string; readonly more: Partial<CustomNode> };
}

/** How long a line may be, as Biome holds it. */
const WIDTH = 110;

/** The text of the recipe's file, as Biome would format it. @param strata path of `recipes/` from the file */
export function recipeText(recipe: ImportedRecipe, from: string, strata: string): string {
  const { nodes, ...rest } = recipe;
  const usesNode = nodes.some(({ short }) => short);
  const written = { ...rest, nodes: nodes.map(({ node, short }) => (short ? new Call(short) : node)) };
  const keys = [
    "name",
    "summary",
    "comfyui",
    "runpod",
    "nodes",
    "packages",
    "resolution",
    "defaults",
  ] as const;
  const ordered = Object.fromEntries(
    keys.filter((key) => written[key] !== undefined).map((key) => [key, written[key]]),
  );
  return [
    `/** What ${from.replaceAll("*/", "* /")} had, written by \`npm run import\`. It is yours to edit: docs/external-recipe.md has all keys. */`,
    ...(usesNode ? [`import { node } from ${JSON.stringify(`${strata}extend.ts`)};`] : []),
    `import { comfyuiRecipe } from ${JSON.stringify(`${strata}own-comfyui.ts`)};`,
    "",
    `export const recipe = comfyuiRecipe(${printed(ordered, "", true)});`,
    "",
  ].join("\n");
}

/** `node("owner/name", { … })` */
class Call {
  readonly name: string;
  readonly more: object;
  constructor({ name, more }: { readonly name: string; readonly more: object }) {
    this.name = name;
    this.more = more;
  }
}

/** A value as source text: on one line where it fits behind what stands there, else one entry a line. */
function printed(value: unknown, indent: string, isWide = false): string {
  const line = onOneLine(value);
  const room = WIDTH - indent.length - 1;
  if (!isWide && line.length <= room) return line;
  const inner = `${indent}  `;
  if (value instanceof Call) {
    return `node(${quoted(value.name)}, ${printed(value.more, indent, true)})`;
  }
  if (Array.isArray(value)) {
    return `[\n${value.map((each) => `${inner}${printed(each, inner)},\n`).join("")}${indent}]`;
  }
  if (typeof value !== "object" || value === null) return line;
  const entries = Object.entries(value).map(([key, each]) => {
    const head = `${inner}${keyText(key)}:`;
    const fits = `${head} ${onOneLine(each)},`.length <= WIDTH;
    if (typeof each === "string" && !fits) return `${head}\n${inner}  ${quoted(each)},\n`;
    return `${head} ${printed(each, inner, !fits)},\n`;
  });
  return `{\n${entries.join("")}${indent}}`;
}

function onOneLine(value: unknown): string {
  if (value instanceof Call) {
    const more = Object.keys(value.more).length > 0 ? `, ${onOneLine(value.more)}` : "";
    return `node(${quoted(value.name)}${more})`;
  }
  if (Array.isArray(value)) return `[${value.map(onOneLine).join(", ")}]`;
  if (typeof value === "string") return quoted(value);
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).map(([key, each]) => `${keyText(key)}: ${onOneLine(each)}`);
  return entries.length > 0 ? `{ ${entries.join(", ")} }` : "{}";
}

/** In the quotes of which there are fewer inside. */
function quoted(text: string): string {
  const double = JSON.stringify(text);
  const count = (quote: string) => text.split(quote).length;
  if (count('"') <= count("'")) return double;
  const inside = double
    .slice(1, -1)
    .replace(/\\(.)|'/g, (whole, escaped) => (whole === "'" ? "\\'" : escaped === '"' ? '"' : whole));
  return `'${inside}'`;
}

function keyText(key: string): string {
  // As it is, this one would be no key but the object's prototype.
  if (key === "__proto__") return '["__proto__"]';
  return /^[A-Za-z_]\w*$/.test(key) ? key : quoted(key);
}

/** The stack's file. @param path of the recipe from the folder of Pulumi.yaml */
export function stackText(path: string, models: number): string {
  return [
    "# Written by `npm run import`; it is yours to edit. README.md has a table of all settings.",
    "config:",
    `  strata:recipe: ${JSON.stringify(path)}`,
    ...(models > 0
      ? [
          `  # The recipe lists ${models} models. What becomes of them (baked, image or volume): docs/models.md.`,
          "  # strata:models: { strategy: volume }",
        ]
      : []),
    "",
  ].join("\n");
}
