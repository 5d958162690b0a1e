import { createHash } from "node:crypto";
import * as pulumi from "@pulumi/pulumi";

/** One resource as a program registered it. */
export interface Registration {
  readonly type: string;
  readonly name: string;
  readonly inputs: Record<string, unknown>;
  /** Name of the resource it belongs to; undefined below the stack itself. */
  readonly parent: string | undefined;
}

/** What a mocked provider computes, by resource type: the same for all, or by the resource's name. */
export type Answers = Readonly<Record<string, object | ((name: string) => object)>>;

/** What provider functions give, by token: the same always, or by what they are asked; those that are not here throw. */
export type Calls = Readonly<Record<string, object | ((args: Record<string, unknown>) => object)>>;

/** What the mocked providers were asked for, and what they answer. */
export interface Recording {
  readonly registrations: Registration[];
  /** Types of the resources that stay when the stack is destroyed. */
  readonly retained: readonly string[];
  /** What the component of this type and name registered at its end; undefined where it registered nothing. */
  registered(type: string, name: string): Record<string, unknown> | undefined;
  /** The registration of one resource; throws when there is not exactly one. */
  only(type: string, name?: string): Registration;
  of(type: string): Registration[];
}

/** The digest that the mocked docker-build provider gives the image `name`. */
export function mockDigest(name: string): string {
  return `sha256:${createHash("sha256").update(name).digest("hex")}`;
}

/** How a recorded program is run. */
export interface RecordOptions {
  readonly preview?: boolean;
  /** @default test */
  readonly stack?: string;
  readonly answers?: Answers;
  readonly calls?: Calls;
}

/**
 * Runs a Pulumi program without engine, providers or network, and records what it registers. Each call starts with
 * an empty recording; unknown provider functions throw.
 */
export async function record(
  program: () => unknown,
  { preview = false, stack = "test", answers = {}, calls = {} }: RecordOptions = {},
): Promise<Recording> {
  const registrations: Registration[] = [];
  const parents = new Map<string, string | undefined>();
  const retained: string[] = [];
  const ends = new Map<string, Record<string, unknown>>();
  await pulumi.runtime.setMocks(
    {
      newResource({ type, name, inputs }) {
        if (type === pulumi.runtime.rootPulumiStackTypeName) return { id: "", state: {} };
        registrations.push({
          type,
          name,
          inputs: readable(inputs) as Record<string, unknown>,
          parent: parents.get(`${type} ${name}`),
        });
        const computed =
          type === "docker-build:index:Image"
            ? { digest: preview ? "" : mockDigest(name), ref: `${name}:ref` }
            : type === "command:local:Command"
              ? { stdout: "", stderr: "" }
              : {};
        const answer = answers[type];
        const told = typeof answer === "function" ? answer(name) : answer;
        return { id: `${name}-id`, state: { ...inputs, ...computed, ...told } };
      },
      call({ token, inputs }) {
        const answer = calls[token];
        if (answer) return typeof answer === "function" ? answer(inputs) : answer;
        throw new Error(`The program called ${token}, which no mock answers.`);
      },
    },
    "strata",
    stack,
    preview,
  );
  await pulumi.runtime.runInPulumiStack(async () => {
    noteOptions(parents, retained, ends);
    return program();
  });
  await settled();
  const of = (type: string) => registrations.filter((registration) => registration.type === type);
  return {
    registrations,
    retained,
    registered: (type, name) => ends.get(`${type} ${name}`),
    of,
    only(type, name) {
      const found = of(type).filter((registration) => name === undefined || registration.name === name);
      if (found.length !== 1 || !found[0]) {
        throw new Error(`Expected one ${type} ${name ?? ""}, found ${found.length}.`);
      }
      return found[0];
    },
  };
}

/** Fills `parents` with the name of each resource's parent, `retained` and `ends`: the mocked engine is not told of them. */
function noteOptions(
  parents: Map<string, string | undefined>,
  retained: string[],
  ends: Map<string, Record<string, unknown>>,
): void {
  const names = new Map<pulumi.Resource, string>();
  pulumi.runtime.registerStackTransformation(({ resource, type, name, opts }) => {
    names.set(resource, name);
    parents.set(`${type} ${name}`, opts.parent && names.get(opts.parent));
    if ((opts as pulumi.CustomResourceOptions).retainOnDelete) retained.push(type);
    if (resource instanceof pulumi.ComponentResource) {
      const component = resource as unknown as { registerOutputs(outputs?: Record<string, unknown>): void };
      const end = component.registerOutputs.bind(component);
      component.registerOutputs = (outputs) => {
        // The SDK itself calls it once more, without anything.
        if (outputs) ends.set(`${type} ${name}`, outputs);
        end(outputs);
      };
    }
    return undefined;
  });
}

/** Secrets as the engine gets them, `{ secret: value }` here instead of the SDK's signature. */
function readable(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(readable);
  if (value === null || typeof value !== "object") return value;
  if (pulumi.runtime.specialSigKey in value && "value" in value) return { secret: readable(value.value) };
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, readable(inner)]));
}

/** Resolves when every registration that was started has been made. */
async function settled(): Promise<void> {
  // The SDK's own way for programs that have no engine to wait for them.
  await pulumi.runtime.disconnect();
}

/** The value of an output. */
export function resolved<T>(output: pulumi.Output<T>): Promise<T> {
  return new Promise((resolve) => {
    output.apply(resolve);
  });
}

/** What anybody may read of `inputs`, as text: the values of secrets are left out. */
export function inClear(inputs: unknown): string {
  return JSON.stringify(inputs, (_, value) =>
    value !== null && typeof value === "object" && "secret" in value ? "[secret]" : value,
  );
}
