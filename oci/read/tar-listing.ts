/** Lists a layer's tar as it streams by: nothing larger than one small file is ever in memory. */
import { createHash, hash } from "node:crypto";
import type { Readable } from "node:stream";
import { extract, type Header } from "tar-stream";
import type { Entry, Listing } from "../../lib/audit/audit-schema.ts";
import { needsHash } from "../../lib/audit/content.ts";
import { LARGEST_TEXT, secretsInFile } from "../../lib/secrets.ts";

/**
 * Reads a tar to its end and lists its members, looking for secrets in small files and hashing those whose copies
 * matter.
 *
 * @throws whatever the source throws, and Error for a damaged tar. The source is destroyed in any case.
 */
export async function listTar(tar: Readable): Promise<Listing> {
  const members = extract();
  tar.on("error", (error) => members.destroy(error));
  tar.pipe(members);
  const entries: Entry[] = [];
  try {
    for await (const member of members) {
      const { header } = member;
      const entry = toEntry(header);
      const more = entry.type === "file" ? await readContent(entry, member) : undefined;
      if (!more) member.resume();
      entries.push({ ...entry, ...more });
    }
  } finally {
    tar.destroy();
  }
  return { entries };
}

async function readContent(
  { path, size }: Entry,
  content: AsyncIterable<unknown>,
): Promise<Pick<Entry, "sha256" | "secrets">> {
  const isHashed = needsHash(path, size);
  if (size > LARGEST_TEXT) {
    const digest = createHash("sha256");
    for await (const chunk of content) digest.update(chunk as Buffer);
    return { sha256: digest.digest("hex"), ...named(secretsInFile(path, undefined)) };
  }
  const chunks: Buffer[] = [];
  for await (const chunk of content) chunks.push(chunk as Buffer);
  const bytes = chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks);
  return { ...(isHashed && { sha256: hash("sha256", bytes, "hex") }), ...named(secretsInFile(path, bytes)) };
}

function named(secrets: string[]): Pick<Entry, "secrets"> {
  return secrets.length > 0 ? { secrets } : {};
}

function toEntry(header: Header): Entry {
  const type = memberType(header.type);
  const target = header.linkname ?? undefined;
  return {
    path: memberPath(header.name),
    type,
    size: type === "file" ? (header.size ?? 0) : 0,
    mode: (header.mode ?? 0) & 0o7777,
    uid: header.uid ?? 0,
    gid: header.gid ?? 0,
    ...(target !== undefined && (type === "symlink" || type === "hardlink") && { linkTarget: target }),
  };
}

export function memberType(type: Header["type"]): Entry["type"] {
  switch (type) {
    case "directory":
    case "symlink":
    case "fifo":
      return type;
    case "link":
      return "hardlink";
    case "block-device":
    case "character-device":
      return "device";
    default:
      return "file";
  }
}

/** `./usr/lib/` and `/usr/lib` are both `usr/lib`. */
export function memberPath(name: string): string {
  return name
    .split("/")
    .filter((part) => part !== "" && part !== ".")
    .join("/");
}
