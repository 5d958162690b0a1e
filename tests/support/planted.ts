/** A part of a JSON Schema, as far as ours use it. */
interface Schema {
  readonly type?: string | readonly string[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly propertyNames?: Schema;
  readonly additionalProperties?: Schema | boolean;
  readonly items?: Schema;
  readonly prefixItems?: readonly Schema[];
}

/**
 * A value that a schema allows, with `text(path)` wherever it takes a text, names of fields included. Where it leaves a
 * choice, `turn` makes it: so many values as the longest list of choices show them all.
 */
export function planted(schema: Schema, turn: number, text: (path: string) => string, path = "$"): unknown {
  const inside = (part: Schema, name: string | number) => planted(part, turn, text, `${path}.${name}`);
  const choices = (schema.anyOf ?? schema.oneOf)?.filter(({ type }) => type !== "null");
  if (choices) return planted(pick(choices, turn), turn, text, path);
  if (schema.const !== undefined) return schema.const;
  if (schema.enum) return pick(schema.enum, turn);
  switch ([schema.type].flat().find((type) => type !== "null")) {
    case "string":
      return text(path);
    case "boolean":
      return turn % 2 === 0;
    case "integer":
    case "number":
      return 3;
    case "array":
      if (schema.prefixItems) return schema.prefixItems.map(inside);
      // Two of them: some parts of a comment need a second one.
      return [0, 1].map((index) => planted(schema.items ?? {}, turn + index, text, `${path}[]`));
    case "object": {
      const { properties = {}, propertyNames, additionalProperties } = schema;
      const fields = Object.entries(properties).map(([name, part]) => [name, inside(part, name)]);
      const open = propertyNames && typeof additionalProperties === "object";
      return Object.fromEntries(
        open ? [...fields, [text(`${path}.*`), inside(additionalProperties, "*")]] : fields,
      );
    }
    default:
      throw new Error(`${path}: a kind of schema that this does not know: ${JSON.stringify(schema)}`);
  }
}

function pick<T>(choices: readonly T[], turn: number): T {
  return choices[turn % choices.length] as T;
}
