import { type ChildProcess, spawn } from "node:child_process";
import { sign, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Home } from "../../../home.ts";
import { ensureTools } from "../../../tools/toolchain/toolchain.ts";
import { selfSigned } from "../../support/certificate.ts";
import { freePort } from "../../support/port.ts";

/** The one user. bcrypt is not in Node: this hash is a test vector of crypt_blowfish. */
export const user = { username: "ada", password: "U*U" };
const HASH = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
/** Distribution takes tokens so many seconds after they end. */
const LEEWAY = 60;

export interface GuardedRegistry {
  /** `127.0.0.1:port` */
  readonly address: string;
  /** Its certificate, which is its own authority. */
  readonly ca: string;
  /** The same as a file. */
  readonly caFile: string;
  start(): Promise<void>;
  /** Ends it at once, in the middle of whatever it does. */
  kill(): Promise<void>;
  close(): Promise<void>;
}

export interface TokenService {
  readonly realm: string;
  /** Tokens that were given so far. */
  given: number;
  /** Seconds that the next tokens last. */
  lifetime: number;
  close(): void;
}

/** A registry process with TLS and one user: by htpasswd, or by tokens of `service`. Its files lie in `home`. */
export async function guardedRegistry(
  home: Home,
  name: string,
  service?: (certificate: { cert: string; key: string }) => Promise<TokenService>,
): Promise<GuardedRegistry & { readonly tokens: TokenService | undefined }> {
  const folder = join(home.root, name);
  await mkdir(folder, { recursive: true });
  const { registry } = await ensureTools(home, ["registry"]);
  if (!registry) throw new Error("the registry is not resolved");
  const [certificate, port] = [await selfSigned(), await freePort()];
  const tokens = await service?.(certificate);
  const file = (path: string, text: string) => writeFile(join(folder, path), text);
  await file("cert.pem", certificate.cert);
  await file("key.pem", certificate.key);
  await file("htpasswd", `${user.username}:${HASH}\n`);
  const auth = tokens
    ? `  token:
    realm: ${tokens.realm}
    service: strata
    issuer: test
    rootcertbundle: ${folder}/cert.pem`
    : `  htpasswd:
    realm: strata
    path: ${folder}/htpasswd`;
  await file(
    "registry.yml",
    `version: 0.1
log: { level: warn, accesslog: { disabled: true } }
storage:
  filesystem: { rootdirectory: ${folder}/data }
  delete: { enabled: true }
http:
  addr: 127.0.0.1:${port}
  tls: { certificate: ${folder}/cert.pem, key: ${folder}/key.pem }
auth:
${auth}
`,
  );
  let child: ChildProcess | undefined;
  const kill = async () => {
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
  };
  const start = async () => {
    child = spawn(registry.path, ["serve", join(folder, "registry.yml")], {
      stdio: "ignore",
      env: { ...process.env, OTEL_TRACES_EXPORTER: "none" },
    });
    for (let tries = 0; !(await listens(port)); tries++) {
      if (tries > 200 || child.exitCode !== null) throw new Error(`the registry ${name} did not start`);
      await sleep(50);
    }
  };
  await start();
  return {
    address: `127.0.0.1:${port}`,
    ca: certificate.cert,
    caFile: join(folder, "cert.pem"),
    tokens,
    start,
    kill,
    close: async () => {
      await kill();
      tokens?.close();
    },
  };
}

/** Gives tokens that a registry with this certificate believes, to the one user. */
export async function tokenService({ cert, key }: { cert: string; key: string }): Promise<TokenService> {
  const x5c = [new X509Certificate(cert).raw.toString("base64")];
  const server = createServer((request, response) => {
    const { searchParams } = new URL(request.url ?? "", "http://any");
    const login = Buffer.from((request.headers.authorization ?? "").split(" ")[1] ?? "", "base64").toString();
    if (login !== `${user.username}:${user.password}`) {
      response.writeHead(401).end("no");
      return;
    }
    service.given++;
    const access = searchParams.getAll("scope").map((scope) => {
      const [type, name, actions = ""] = scope.split(":");
      return { type, name, actions: actions.split(",") };
    });
    const now = Math.floor(Date.now() / 1000);
    const claims = {
      iss: "test",
      sub: user.username,
      aud: "strata",
      iat: now - LEEWAY,
      nbf: now - LEEWAY,
      exp: now - LEEWAY + service.lifetime,
      jti: String(service.given),
      access,
    };
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
    const text = `${part({ typ: "JWT", alg: "ES256", x5c })}.${part(claims)}`;
    const signature = sign("sha256", Buffer.from(text), { key, dsaEncoding: "ieee-p1363" });
    response.end(JSON.stringify({ token: `${text}.${signature.toString("base64url")}` }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const service: TokenService = {
    realm: `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`,
    given: 0,
    lifetime: 300,
    close: () => server.close(),
  };
  return service;
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
