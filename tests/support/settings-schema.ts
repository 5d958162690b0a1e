/** Which settings there are, by their JSON schema. */

/** JSON schema, as far as settings need it. */
export interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: boolean | Schema;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
}

/** The way to every key of a value. */
export function keysOf(value: unknown): string[][] {
  if (Array.isArray(value)) return value.flatMap(keysOf);
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, below]) => [
    [key],
    ...keysOf(below).map((keys) => [key, ...keys]),
  ]);
}

/** Whether the schema knows the way of keys. */
export function hasSetting(schema: Schema, [key, ...rest]: readonly string[]): boolean {
  if (key === undefined) return true;
  const choices = [...(schema.anyOf ?? []), ...(schema.oneOf ?? []), ...(schema.allOf ?? [])];
  if (schema.items && hasSetting(schema.items, [key, ...rest])) return true;
  const below = schema.properties?.[key] ?? schema.additionalProperties;
  if (typeof below === "object" && hasSetting(below, rest)) return true;
  return choices.some((choice) => hasSetting(choice, [key, ...rest]));
}
