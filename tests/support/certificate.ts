import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";

/** A certificate for 127.0.0.1 and these hosts that is its own authority, valid for a day, with its key. */
export async function selfSigned(hosts: readonly string[] = []): Promise<{ cert: string; key: string }> {
  const folder = await mkdtemp(join(tmpdir(), "strata-certificate-"));
  try {
    const files = ["-keyout", join(folder, "key.pem"), "-out", join(folder, "cert.pem")];
    const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
    const alternatives = ["IP:127.0.0.1", ...["localhost", ...hosts].map((host) => `DNS:${host}`)].join(",");
    const names = ["-subj", "/CN=strata test", "-addext", `subjectAltName=${alternatives}`];
    await execa("openssl", ["req", "-x509", ...curve, ...files, "-days", "1", ...names]);
    return {
      cert: await readFile(join(folder, "cert.pem"), "utf8"),
      key: await readFile(join(folder, "key.pem"), "utf8"),
    };
  } finally {
    await rm(folder, { recursive: true });
  }
}
