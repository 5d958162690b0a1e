import { UserError } from "../../errors.ts";
import type { AptLock, AptPackage } from "./apt-lock.ts";

/** What apt says of a distribution: which packages it would install, and what its index has of each. */
export interface AptAnswer extends AptLock {
  /** Packages of another lock that neither the mirror nor a snapshot has any more, `name version`. */
  readonly gone: readonly string[];
  /** Names that this distribution does not have. */
  readonly unknown: readonly string[];
}

type Stanza = Readonly<Record<string, string>>;

/** Reads what resolve-apt.sh printed. */
export function readAptAnswer(text: string, suite: string, date: string): AptAnswer {
  const lines = text.split("\n");
  const named = (key: string) =>
    lines.filter((line) => line.startsWith(`@${key} `)).map((line) => line.slice(key.length + 2).trim());
  const stanzas = readStanzas(lines.filter((line) => !line.startsWith("@")).join("\n"));
  const chosen = new Map(
    named("install").map((pair) => {
      const [name = "", version = ""] = pair.split(" ");
      const stanza = stanzas.find((each) => each.Package === name && each.Version === version);
      if (!stanza)
        throw new UserError(`packages of ${suite}`, `apt does not describe ${pair}.`, "Run it again.");
      return [name, stanza] as const;
    }),
  );
  const providers = providersOf(chosen);
  const packages = new Map<string, AptPackage>(
    [...chosen].map(([name, stanza]) => [
      name,
      {
        name,
        version: stanza.Version ?? "",
        sha256: stanza.SHA256 ?? "",
        path: stanza.Filename ?? "",
        needs: needsOf(stanza, providers).filter((need) => need !== name),
      },
    ]),
  );
  return {
    suite,
    date,
    base: [...new Set(named("base"))],
    packages,
    gone: named("gone"),
    unknown: named("unknown"),
  };
}

/** Fields of each package; what goes on in a second line is of no use here. */
function readStanzas(text: string): Stanza[] {
  return text.split(/\n\n+/).map((paragraph) =>
    Object.fromEntries(
      paragraph.split("\n").flatMap((line): [string, string][] => {
        const [, key, value] = /^([A-Za-z0-9-]+): (.*)$/.exec(line) ?? [];
        return key && value !== undefined ? [[key, value]] : [];
      }),
    ),
  );
}

/** Which chosen packages go by each name, themselves first. */
function providersOf(chosen: ReadonlyMap<string, Stanza>): ReadonlyMap<string, readonly string[]> {
  const providers = new Map<string, string[]>([...chosen.keys()].map((name) => [name, [name]]));
  for (const [name, { Provides = "" }] of chosen) {
    for (const provided of namesIn(Provides)) {
      providers.set(provided, [...(providers.get(provided) ?? []), name]);
    }
  }
  return providers;
}

/** Of each dependency the first of its alternatives that is there: apt chose one of them. */
function needsOf(
  { Depends = "", "Pre-Depends": before = "" }: Stanza,
  providers: ReadonlyMap<string, readonly string[]>,
) {
  const groups = [before, Depends].filter(Boolean).join(", ").split(",");
  const needs = groups.flatMap((group) => {
    const there = group
      .split("|")
      .flatMap((each) => namesIn(each).flatMap((name) => providers.get(name) ?? []));
    return there.slice(0, 1);
  });
  return [...new Set(needs)];
}

/** `libc6 (>= 2.36), python3:any` without versions and architectures. */
function namesIn(field: string): string[] {
  return field
    .split(",")
    .map((each) => each.trim().split(/[\s(:]/)[0] ?? "")
    .filter(Boolean);
}
