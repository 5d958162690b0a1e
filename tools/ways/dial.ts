import { connect as connectTcp, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { connect as connectTls, createSecureContext, type SecureContext } from "node:tls";

/** Why a builder cannot be spoken to, and what to do about it. */
export class Unreachable extends Error {
  readonly remedy: string;
  constructor(problem: string, remedy: string) {
    super(problem);
    this.remedy = remedy;
  }
}

/** One buildkitd, and how to get a connection to it. */
export interface Upstream {
  /** Its address, as people know it. */
  readonly shown: string;
  /** Connects anew. @throws Unreachable */
  dial(timeoutMs: number): Promise<Duplex>;
  /** What became of it since it was reached, where somebody else knows; undefined where it is as it was. */
  readonly fate?: () => Promise<string | undefined>;
  /** Waits for it to be there again, where somebody brings it back by himself. @returns whether it may be */
  readonly comesBack?: () => Promise<boolean>;
}

/** What a client shows, and what it believes; in PEM. */
export interface ClientTls {
  readonly ca: string;
  readonly cert?: string;
  readonly key?: string;
  readonly serverName?: string | undefined;
}

/** A buildkitd behind TLS. @param address `tcp://host:port` */
export function tlsUpstream(address: string, tls: ClientTls): Upstream {
  const { hostname, port } = new URL(address.replace("tcp://", "https://"));
  const host = hostname.replace(/^\[|\]$/g, "");
  const serverName = tls.serverName ?? host;
  let context: SecureContext | undefined;
  return {
    shown: address,
    async dial(timeoutMs) {
      context ??= secureContext(tls);
      const socket = await connected(host, Number(port || 443), timeoutMs);
      return await secured(socket, context, serverName, timeoutMs);
    },
  };
}

function secureContext({ ca, cert, key }: ClientTls): SecureContext {
  try {
    return createSecureContext({ ca, cert, key, minVersion: "TLSv1.2" });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Unreachable(
      `the certificates of tls cannot be used (${why})`,
      "Give ca, cert and key in PEM, the key being that of the certificate.",
    );
  }
}

function connected(host: string, port: number, timeoutMs: number): Promise<Socket> {
  const socket = connectTcp({ host, port, noDelay: true, keepAlive: true, keepAliveInitialDelay: 15_000 });
  return settled(
    socket,
    (done) => socket.once("connect", () => done(socket)),
    timeoutMs,
    new Unreachable(
      `does not answer within ${timeoutMs / 1000} s`,
      "See that the machine runs, and that no firewall is in between.",
    ),
  );
}

function secured(
  socket: Socket,
  secureContext: SecureContext,
  serverName: string,
  timeoutMs: number,
): Promise<Duplex> {
  const secure = connectTls({
    socket,
    secureContext,
    // The name is checked against the certificate in any case; an address may not be sent as one.
    ...(/^[\d.]+$|:/.test(serverName) ? { host: serverName } : { servername: serverName, host: serverName }),
    ALPNProtocols: ["h2"],
  });
  return settled(
    secure,
    (done) => secure.once("secureConnect", () => done(secure)),
    timeoutMs,
    new Unreachable(
      `takes connections, and says nothing for ${timeoutMs / 1000} s`,
      "It hangs, or is no buildkitd: look at its machine.",
    ),
  );
}

/** The end of a connection's beginning: what comes, an error with its cause, or the end of patience. */
async function settled<T extends Duplex>(
  socket: Duplex,
  start: (done: (value: T) => void) => void,
  timeoutMs: number,
  late: Unreachable,
): Promise<T> {
  let fail: (error: Error) => void = () => {};
  const onError = (error: Error) => fail(explained(error));
  const onClose = () => fail(explained(new Error("closed at once")));
  const timer = setTimeout(() => fail(late), timeoutMs);
  // One stays for good: whoever has the connection later hears of its end, and an error without a listener ends a program.
  socket.on("error", onError).once("close", onClose);
  try {
    return await new Promise<T>((resolve, reject) => {
      fail = reject;
      start(resolve);
    });
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    clearTimeout(timer);
    socket.off("close", onClose);
  }
}

const certificates = "Compare tls.ca, tls.cert and tls.key with what buildkitd was started with.";

/** By the codes of Node and OpenSSL; `%` stands for the error's own words. */
const causes: readonly (readonly [RegExp, string, string])[] = [
  [/ENOTFOUND|EAI_AGAIN/, "has a name that nobody knows", "Mend the host of its address."],
  [
    /ECONNREFUSED/,
    "refuses connections: nobody listens there",
    "Start buildkitd, or mend the port of its address.",
  ],
  [
    /EHOSTUNREACH|ENETUNREACH/,
    "is on a network without a way to it",
    "Mend its address, or open the way (VPN, routes).",
  ],
  [/ETIMEDOUT/, "does not answer", "See that the machine runs, and that no firewall is in between."],
  [
    /ALTNAME/,
    "has a certificate for another name (%)",
    "Set tls.serverName to a name in it, or make one for this address.",
  ],
  [/CERT_HAS_EXPIRED/, "has a certificate that has expired", "Make a new one."],
  [/CERT_NOT_YET_VALID/, "has a certificate that is not valid yet", "See what time it is on both machines."],
  [
    /SELF_SIGNED|UNABLE_TO_VERIFY|UNABLE_TO_GET_ISSUER|CERT_SIGNATURE_FAILURE|INVALID_CA|CERT_UNTRUSTED/,
    "has a certificate that is not of the authority in tls.ca (%)",
    "Set tls.ca to the authority that signed it.",
  ],
  [
    /CERTIFICATE_REQUIRED/,
    "wants a certificate of its client, and was shown none",
    "Set tls.cert and tls.key.",
  ],
  [
    /ALERT.*CERTIFICATE|ALERT_UNKNOWN_CA|ALERT_DECRYPT_ERROR|ALERT_ACCESS_DENIED|ALERT_INTERNAL_ERROR/,
    "refuses the certificate of tls.cert (%)",
    "Set tls.cert and tls.key to a pair that its authority signed.",
  ],
  [
    /WRONG_VERSION|PACKET_LENGTH|EPROTO|UNEXPECTED_MESSAGE/,
    "speaks no TLS",
    `Start buildkitd with --tlscert. ${certificates}`,
  ],
  [/ECONNRESET|EPIPE|closed at once|ERR_HTTP2/, "ends the connection at once", certificates],
];

/** An error of a connection in words. */
export function explained(error: Error): Unreachable {
  if (error instanceof Unreachable) return error;
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  const reason = "reason" in error && typeof error.reason === "string" ? error.reason : error.message;
  const said = `${code} ${error.message}`.replaceAll(" ", "_").toUpperCase();
  const found = causes.find(
    ([pattern]) => new RegExp(pattern, "i").test(said) || pattern.test(error.message),
  );
  if (!found) return new Unreachable(`cannot be spoken to (${code || reason})`, "");
  return new Unreachable(found[1].replace("%", reason), found[2]);
}
