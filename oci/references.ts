/** Image references: `host:port/path/name:tag@sha256:…`. */
import { UserError } from "../errors.ts";

/** A parsed image reference. Every part that Docker would imply is spelled out. */
export interface Reference {
  /** Host with its port, if one was given: `docker.io`, `localhost:5000`, `[::1]:5000`. */
  readonly registry: string;
  /** Path below the registry: `library/debian`. */
  readonly repository: string;
  /** Absent only when a digest was given without a tag. */
  readonly tag?: string;
  /** `sha256:…` or `sha512:…`. Where present it decides, and the tag only tells people what it was. */
  readonly digest?: string;
}

/** The registry that a reference without a host means. */
export const DEFAULT_REGISTRY = "docker.io";

const HOST =
  /^(?:\[[0-9a-fA-F:.]+\]|[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*)(?::[0-9]{1,5})?$/;
const COMPONENT = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
const TAG = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;
const DIGEST = /^(?:sha256:[a-f0-9]{64}|sha512:[a-f0-9]{128})$/;
const LONGEST_NAME = 255;

/**
 * Parses a reference by the rules of Docker: the first part is a host when it holds a dot or a colon or is
 * `localhost`; otherwise the registry is `docker.io`, and a name without a folder is in `library/` there.
 * Without tag and digest the tag is `latest`.
 *
 * @throws UserError that names the part that is wrong.
 */
export function parseReference(text: string): Reference {
  const fail = (problem: string, remedy: string): never => {
    throw new UserError(`image reference "${text}"`, problem, remedy);
  };
  if (/^[a-z]+:\/\//i.test(text)) fail("starts with a scheme.", "Write it without, as host/name:tag.");
  const [beforeDigest = "", digest, ...more] = text.split("@");
  if (more.length > 0) fail('has more than one "@".', "Write it as host/name:tag@sha256:….");
  if (digest !== undefined && !DIGEST.test(digest)) {
    fail(`has the digest "${digest}".`, "Expected sha256: and 64 lower-case hexadecimal digits.");
  }
  const { name, tag } = splitTag(beforeDigest);
  if (tag !== undefined && !TAG.test(tag)) {
    fail(`has the tag "${tag}".`, "Expected up to 128 letters, digits, dots, dashes and underscores.");
  }
  const { registry, repository } = splitHost(name);
  if (!HOST.test(registry) || portOf(registry) > 65_535) {
    fail(`has the host "${registry}".`, "Expected host or host:port.");
  }
  const wrong = repository.split("/").find((component) => !COMPONENT.test(component));
  if (wrong !== undefined) {
    fail(
      wrong === "" ? "has an empty part in its path." : `has "${wrong}" in its path.`,
      "Expected lower-case letters and digits, joined by dots, dashes or underscores.",
    );
  }
  if (registry.length + 1 + repository.length > LONGEST_NAME) {
    fail(`is longer than ${LONGEST_NAME} characters.`, "Use a shorter name.");
  }
  const effectiveTag = tag ?? (digest === undefined ? "latest" : undefined);
  return {
    registry,
    repository,
    ...(effectiveTag !== undefined && { tag: effectiveTag }),
    ...(digest !== undefined && { digest }),
  };
}

/** Where in a registry a request goes. */
export interface RepositoryAddress {
  readonly registry: string;
  readonly repository: string;
}

/** The reference as text, with nothing left implied: `docker.io/library/debian:latest`. */
export function formatReference(reference: Reference): string {
  const tag = reference.tag === undefined ? "" : `:${reference.tag}`;
  const digest = reference.digest === undefined ? "" : `@${reference.digest}`;
  return `${reference.registry}/${reference.repository}${tag}${digest}`;
}

/** Whether a host (with or without a port) is this machine: such registries speak plain HTTP. */
export function isLoopback(host: string): boolean {
  const name = host.replace(/:[0-9]+$/, "").toLowerCase();
  return (
    name === "localhost" ||
    name.endsWith(".localhost") ||
    name === "[::1]" ||
    host === "::1" ||
    /^127(?:\.(?:25[0-5]|2[0-4][0-9]|1?[0-9]{1,2})){3}$/.test(name)
  );
}

/** A colon after the last slash starts the tag; one before it belongs to the host's port. */
function splitTag(text: string): { name: string; tag?: string } {
  const colon = text.lastIndexOf(":");
  if (colon <= text.lastIndexOf("/")) return { name: text };
  return { name: text.slice(0, colon), tag: text.slice(colon + 1) };
}

function splitHost(name: string): { registry: string; repository: string } {
  const slash = name.indexOf("/");
  const first = slash < 0 ? "" : name.slice(0, slash);
  if (/[.:]/.test(first) || first === "localhost") {
    const registry = first === "index.docker.io" ? DEFAULT_REGISTRY : first;
    const rest = name.slice(slash + 1);
    return { registry, repository: registry === DEFAULT_REGISTRY ? withLibrary(rest) : rest };
  }
  return { registry: DEFAULT_REGISTRY, repository: withLibrary(name) };
}

function withLibrary(name: string): string {
  return name.includes("/") ? name : `library/${name}`;
}

function portOf(host: string): number {
  return Number(/:([0-9]+)$/.exec(host)?.[1] ?? 0);
}

/** A reference that may be a text still. */
export function toReference(reference: string | Reference): Reference {
  return typeof reference === "string" ? parseReference(reference) : reference;
}
