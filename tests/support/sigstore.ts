/**
 * A Sigstore of one's own on loopback: GitHub's address for tokens, Fulcio and Rekor, by the answers of @sigstore/mock, which
 * Sigstore's own libraries are tested with. Everything is signed in earnest, and its trusted root says by whom.
 */
import { createHash, generateKeyPairSync } from "node:crypto";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import {
  fulcioHandler,
  type HandlerFn,
  initializeCA,
  initializeCTLog,
  initializeTLog,
  rekorHandler,
} from "@sigstore/mock";
import { z } from "zod";

export const WORKFLOW = "https://github.com/acme/strata/.github/workflows/release.yml@refs/heads/main";
export const ISSUER = "https://token.actions.githubusercontent.com";

export interface Sigstore {
  readonly url: string;
  /** What a job with `id-token: write` has in its environment. */
  readonly environment: Readonly<Record<string, string>>;
  /** As `cosign trusted-root create` writes it. */
  readonly root: string;
  /** What was asked, by path. */
  readonly asked: readonly string[];
  close(): void;
}

const pair = () => generateKeyPairSync("ec", { namedCurve: "P-256" });

/** @param identity whom the tokens name */
export async function startSigstore(identity = WORKFLOW): Promise<Sigstore> {
  const ctlog = await initializeCTLog(pair());
  const ca = await initializeCA(pair(), ctlog);
  const tlog = await initializeTLog("http://rekor.test", pair());
  const [fulcio, rekor] = [fulcioHandler(ca), rekorHandler(tlog)];
  const asked: string[] = [];
  const server = await listen(
    {
      [fulcio.path]: fulcio.fn,
      [rekor.path]: (body) => rekor.fn(entryOf(body)),
      "/token": tokenFor(identity),
    },
    asked,
  );
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const validFor = { start: new Date(Date.now() - 60_000).toISOString() };
  const log = (key: Buffer, id: Uint8Array, baseUrl: string) => ({
    baseUrl,
    hashAlgorithm: "SHA2_256",
    publicKey: { rawBytes: key.toString("base64"), keyDetails: "PKIX_ECDSA_P256_SHA_256", validFor },
    logId: { keyId: Buffer.from(id).toString("base64") },
  });
  const { rootCertificate: certificate } = ca;
  const rawBytes = Buffer.from(certificate.buffer, certificate.byteOffset, certificate.byteLength).toString(
    "base64",
  );
  const logId = createHash("sha256").update(tlog.publicKey).digest();
  return {
    url,
    environment: { ACTIONS_ID_TOKEN_REQUEST_URL: `${url}/token`, ACTIONS_ID_TOKEN_REQUEST_TOKEN: "runner" },
    root: JSON.stringify({
      mediaType: "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
      tlogs: [log(tlog.publicKey, logId, "http://rekor.test")],
      certificateAuthorities: [
        {
          subject: { organization: "sigstore.mock", commonName: "sigstore" },
          uri: url,
          certChain: { certificates: [{ rawBytes }] },
          validFor,
        },
      ],
      ctlogs: [log(ctlog.publicKey, new Uint8Array(ctlog.logID.buffer), "http://ctfe.test")],
    }),
    asked,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

const proposed = z.object({
  kind: z.literal("dsse"),
  apiVersion: z.literal("0.0.1"),
  spec: z.object({ proposedContent: z.object({ envelope: z.string(), verifiers: z.array(z.string()) }) }),
});

/**
 * The entry that Rekor makes of a proposed one: hashes, and each signature with its verifier (rekor v1.5,
 * pkg/types/dsse/v0.0.1/entry.go, Canonicalize). The mock alone would log what was proposed, which no verifier takes.
 */
function entryOf(body: string): string {
  const { spec, ...rest } = proposed.parse(JSON.parse(body));
  const { envelope, verifiers } = spec.proposedContent;
  const { payload, signatures } = JSON.parse(envelope);
  const sha256 = (bytes: string | Buffer) => ({
    algorithm: "sha256",
    value: createHash("sha256").update(bytes).digest("hex"),
  });
  const signed = signatures.map(({ sig }: { sig: string }, index: number) => ({
    signature: sig,
    verifier: verifiers[index],
  }));
  const made = {
    envelopeHash: sha256(envelope),
    payloadHash: sha256(Buffer.from(payload, "base64")),
    signatures: signed,
  };
  return JSON.stringify({ ...rest, spec: made });
}

/** GitHub's answer: a token for the audience that was asked for. Nobody here looks at its signature. */
function tokenFor(identity: string): HandlerFn {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const exp = Math.floor(Date.now() / 1_000) + 600;
  const token = [
    part({ alg: "RS256" }),
    part({ iss: ISSUER, sub: identity, aud: "sigstore", exp }),
    "c2ln",
  ].join(".");
  return async () => ({
    statusCode: 200,
    response: JSON.stringify({ value: token }),
    contentType: "application/json",
  });
}

async function listen(answers: Readonly<Record<string, HandlerFn>>, asked: string[]): Promise<Server> {
  const server = createServer(async (request, response) => {
    const path = request.url?.split("?")[0] ?? "";
    asked.push(path);
    const body = (await buffer(request)).toString();
    const answer = (await answers[path]?.(body)) ?? { statusCode: 404, response: "" };
    response.writeHead(answer.statusCode, { "content-type": answer.contentType ?? "text/plain" });
    response.end(answer.response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
}
