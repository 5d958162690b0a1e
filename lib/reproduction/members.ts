/** What differs between two tars that should be one, file by file. */

/** A member of a layer's tar, with all that a layer's digest hangs on. */
export interface TarMember {
  /** Without slashes around it. */
  readonly path: string;
  readonly type: string;
  readonly size: number;
  /** Permission bits. */
  readonly mode: number;
  /** `user:group`, names where the tar has some. */
  readonly owner: string;
  /** Seconds since 1970. */
  readonly seconds: number;
  /** Where a link leads. */
  readonly target?: string;
  /** Extended attributes and what else a tar may say, as JSON. */
  readonly attributes?: string;
  /** Of a file's bytes, hexadecimal. */
  readonly sha256?: string;
}

/** `lines`: the same lines in another order; `place`: another place in the tar. */
export const aspects = [
  "missing",
  "new",
  "type",
  "bytes",
  "lines",
  "mode",
  "owner",
  "time",
  "target",
  "attributes",
  "place",
] as const;
export type Aspect = (typeof aspects)[number];

export interface FileDifference {
  readonly path: string;
  readonly aspects: readonly Aspect[];
  /** What it was and is, in a few words. */
  readonly detail?: string;
}

/** Differences in the order of paths; none where the tars say the same. @param before the published layer's */
export function compareMembers(before: readonly TarMember[], after: readonly TarMember[]): FileDifference[] {
  const [was, is] = [byPath(before), byPath(after)];
  const paths = [...new Set([...was.keys(), ...is.keys()])].sort();
  const differences = paths.flatMap((path): FileDifference[] => {
    const [old, fresh] = [was.get(path), is.get(path)];
    if (!old || !fresh) return [{ path, aspects: [old ? "missing" : "new"] }];
    return differenceOf(old, fresh);
  });
  return [...differences, ...outOfPlace(before, after)];
}

function byPath(members: readonly TarMember[]): Map<string, TarMember> {
  return new Map(members.map((member) => [member.path, member]));
}

function differenceOf(old: TarMember, fresh: TarMember): FileDifference[] {
  const octal = (mode: number) => mode.toString(8).padStart(4, "0");
  const pairs: readonly [Aspect, string, string][] = [
    ["type", old.type, fresh.type],
    ["bytes", `${old.sha256} ${old.size}`, `${fresh.sha256} ${fresh.size}`],
    ["mode", octal(old.mode), octal(fresh.mode)],
    ["owner", old.owner, fresh.owner],
    ["time", time(old.seconds), time(fresh.seconds)],
    ["target", old.target ?? "", fresh.target ?? ""],
    ["attributes", old.attributes ?? "", fresh.attributes ?? ""],
  ];
  const found = pairs.filter(([, a, b]) => a !== b);
  if (found.length === 0) return [];
  const told = found.map(([aspect, a, b]) => {
    if (aspect !== "bytes") return `${aspect} ${a} and ${b}`;
    return old.size === fresh.size ? "" : `${old.size} and ${fresh.size} bytes`;
  });
  const detail = told.filter(Boolean).join("; ");
  return [{ path: old.path, aspects: found.map(([aspect]) => aspect), ...(detail && { detail }) }];
}

function time(seconds: number): string {
  return new Date(seconds * 1_000).toISOString().replace(".000Z", "Z");
}

/** The first of those that both have and that come in another order. */
function outOfPlace(before: readonly TarMember[], after: readonly TarMember[]): FileDifference[] {
  const [was, is] = [byPath(before), byPath(after)];
  const old = before.filter(({ path }) => is.has(path));
  const fresh = after.filter(({ path }) => was.has(path));
  const first = old.findIndex(({ path }, index) => fresh[index]?.path !== path);
  const path = old[first]?.path;
  return path === undefined
    ? []
    : [{ path, aspects: ["place"], detail: `then comes ${fresh[first]?.path ?? "nothing"}` }];
}

/** Most characters of a text that are shown of each side. */
const SHOWN = 60;

/** What of a file differs: the first line that does, or that only their order does. */
export function compareContents(old: Buffer, fresh: Buffer): Pick<FileDifference, "aspects" | "detail"> {
  const length = Math.min(old.length, fresh.length);
  let at = 0;
  while (at < length && old[at] === fresh[at]) at++;
  if (old.subarray(0, 8_192).includes(0) || fresh.subarray(0, 8_192).includes(0))
    return { aspects: ["bytes"], detail: `from byte ${at} on` };
  const [was, is] = [old.toString("utf8").split("\n"), fresh.toString("utf8").split("\n")];
  const line = was.findIndex((text, index) => is[index] !== text);
  const shown = (text = "") => JSON.stringify(text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text);
  const same = was.length > 1 && was.toSorted().join("\n") === is.toSorted().join("\n");
  return {
    aspects: [same ? "lines" : "bytes"],
    detail: `line ${(line < 0 ? was.length : line) + 1}: ${shown(was[line])} and ${shown(is[line])}`,
  };
}
