/** A distribution's packages as dpkg keeps them: /var/lib/dpkg/status, and each one's copyright file. */

export interface DebianPackage {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
  /** The source package, with its version where that differs: `gcc-12@12.2.0-14`; absent where both are the same. */
  readonly source?: string;
}

/** The distribution of an image. */
export interface Distro {
  /** `debian` */
  readonly id: string;
  /** `12` */
  readonly version: string;
}

/** What is installed, by dpkg's own record. */
export function debianPackages(status: string): DebianPackage[] {
  return status.split(/\n\n+/).flatMap((paragraph): DebianPackage[] => {
    const field = (name: string) => new RegExp(`^${name}: *(.*)$`, "m").exec(paragraph)?.[1]?.trim();
    const [name, version, architecture] = [field("Package"), field("Version"), field("Architecture")];
    // What was removed keeps its configuration files, and its paragraph.
    if (!name || !version || !architecture || !/ installed$/.test(field("Status") ?? "")) return [];
    const source = sourceOf(field("Source"), name, version);
    return [{ name, version, architecture, ...(source !== undefined && { source }) }];
  });
}

/** `gcc-12 (12.2.0-14)` is a source whose version differs from the package's. */
function sourceOf(field: string | undefined, name: string, version: string): string | undefined {
  const [, source, sourceVersion] = /^(\S+)(?: \(([^)]+)\))?$/.exec(field ?? "") ?? [];
  if (source === undefined) return undefined;
  if (sourceVersion !== undefined && sourceVersion !== version) return `${source}@${sourceVersion}`;
  return source === name ? undefined : source;
}

/** Reads /etc/os-release; undefined for an image that does not say what it is. */
export function distroOf(osRelease: string): Distro | undefined {
  const value = (key: string) => new RegExp(`^${key}="?([^"\\n]*)"?$`, "m").exec(osRelease)?.[1];
  const [id, version] = [value("ID"), value("VERSION_ID")];
  return id && version ? { id, version } : undefined;
}
