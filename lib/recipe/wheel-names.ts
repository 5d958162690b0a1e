/** What a wheel has to run on: x86_64 Linux with this Python and this glibc. */
export interface WheelTarget {
  /** `3.12`; `3.14t` is the free-threaded build. */
  readonly python: string;
  /** `2.36` */
  readonly glibc: string;
}

/** The glibc that the older names of manylinux stand for (PEP 513, 571, 599). */
const oldNames: Readonly<Record<string, string>> = {
  manylinux1: "2.5",
  manylinux2010: "2.12",
  manylinux2014: "2.17",
};

/** Whether a wheel fits, by the tags in its file's name (PEP 425, 600). */
export function wheelFits(file: string, target: WheelTarget): boolean {
  const { pythons = [], abis = [] } = tagsOf(file) ?? {};
  return (
    isForPlatform(file, target.glibc) &&
    pythons.some((python) => abis.some((abi) => pythonFits(python, abi, target.python)))
  );
}

/** Whether a wheel is for this platform, whatever Python it wants. */
export function isForPlatform(file: string, glibc: string): boolean {
  return (tagsOf(file)?.platforms ?? []).some((platform) => platformFits(platform, glibc));
}

function tagsOf(file: string) {
  const tags = /^.+-.+-([^-]+)-([^-]+)-([^-]+)\.whl$/.exec(decodeURIComponent(file));
  const [pythons, abis, platforms] = (tags?.slice(1) ?? []).map((tag) => tag.split("."));
  return pythons && abis && platforms ? { pythons, abis, platforms } : undefined;
}

function pythonFits(tag: string, abi: string, python: string): boolean {
  const [, implementation, major, minor] = /^(cp|py)(\d)(\d*)$/.exec(tag) ?? [];
  const [ourMajor = 0, ourMinor = 0] = numbers(python);
  if (!implementation || Number(major) !== ourMajor) return false;
  const same = Number(minor) === ourMinor;
  const older = minor === "" || Number(minor) <= ourMinor;
  if (implementation === "py") return abi === "none" && older;
  if (abi === "none") return same;
  // The free-threaded build has no stable ABI before 3.15.
  if (abi === "abi3") return older && !python.endsWith("t");
  return same && abi === `cp${ourMajor}${ourMinor}${python.endsWith("t") ? "t" : ""}`;
}

function platformFits(tag: string, glibc: string): boolean {
  if (tag === "any" || tag === "linux_x86_64") return true;
  const [, name = ""] = /^(manylinux\w*?)_x86_64$/.exec(tag) ?? [];
  const needed = oldNames[name] ?? /^manylinux_(\d+_\d+)$/.exec(name)?.[1]?.replace("_", ".");
  if (!needed) return false;
  const [major = 0, minor = 0] = numbers(needed);
  const [ourMajor = 0, ourMinor = 0] = numbers(glibc);
  return major === ourMajor && minor <= ourMinor;
}

function numbers(version: string): number[] {
  return version.split(".").map((part) => Number.parseInt(part, 10));
}
