/** Certificates of a test's own authority. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Pair {
  readonly cert: string;
  readonly key: string;
}

export interface Authority {
  readonly ca: string;
  /** For a server of these names (`DNS:b1`, `IP:127.0.0.1`), or for a client. */
  pair(commonName: string, names?: readonly string[]): Pair;
}

/** An authority of elliptic curves, whose certificates hold for a day. */
export function makeAuthority(name = "authority"): Authority {
  const inFolder = <T>(work: (folder: string, openssl: (...args: string[]) => void) => T): T => {
    const folder = mkdtempSync(join(tmpdir(), "strata-ca-"));
    try {
      return work(folder, (...args) => {
        execFileSync("openssl", args, { cwd: folder, stdio: ["ignore", "ignore", "pipe"] });
      });
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  };
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1"];
  const read = (folder: string, file: string) => readFileSync(join(folder, file), "utf8");
  const own = inFolder((folder, openssl) => {
    openssl("req", "-x509", ...curve, "-subj", `/CN=${name}`, "-keyout", "ca.key", "-out", "ca.crt");
    return { ca: read(folder, "ca.crt"), key: read(folder, "ca.key") };
  });
  return {
    ca: own.ca,
    pair: (commonName, names = []) =>
      inFolder((folder, openssl) => {
        writeFileSync(join(folder, "ca.crt"), own.ca);
        writeFileSync(join(folder, "ca.key"), own.key);
        const more = names.length > 0 ? ["-addext", `subjectAltName=${names.join(",")}`] : [];
        const signed = ["-CA", "ca.crt", "-CAkey", "ca.key", "-addext", "basicConstraints=critical,CA:FALSE"];
        const to = ["-keyout", "one.key", "-out", "one.crt"];
        openssl("req", "-x509", ...curve, "-subj", `/CN=${commonName}`, ...signed, ...more, ...to);
        return { cert: read(folder, "one.crt"), key: read(folder, "one.key") };
      }),
  };
}
