/**
 * Values as the engine sends them: plain JSON, in which a secret is an object with a signature and an unknown is a
 * string. The signatures are Pulumi's wire format (sdk/go/common/resource/properties.go).
 */
const SIGNATURE_KEY = "4dabf18193072939515e22adb298388d";
const SECRET = "1b47061264138c4ac30d75fd1eb44270";
const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

export type Properties = { readonly [name: string]: unknown };

function isObject(value: unknown): value is { [key: string]: unknown } {
  return typeof value === "object" && value !== null;
}

function isSecret(value: unknown): value is { value: unknown } {
  return isObject(value) && value[SIGNATURE_KEY] === SECRET;
}

/** The value with every secret opened, at any depth. */
export function reveal(value: unknown): unknown {
  if (isSecret(value)) return reveal(value.value);
  if (Array.isArray(value)) return value.map(reveal);
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, reveal(inner)]));
}

/** Whether there is a secret in the value, at any depth. */
export function holdsSecret(value: unknown): boolean {
  if (isSecret(value)) return true;
  return isObject(value) && Object.values(value).some(holdsSecret);
}

/** Whether a part of the value is not known yet, as in a preview. */
export function holdsUnknown(value: unknown): boolean {
  return value === UNKNOWN || (isObject(value) && Object.values(value).some(holdsUnknown));
}

export function secret(value: unknown): Properties {
  return { [SIGNATURE_KEY]: SECRET, value };
}
