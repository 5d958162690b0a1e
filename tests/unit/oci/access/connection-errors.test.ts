import assert from "node:assert/strict";
import { test } from "node:test";
import { UserError } from "../../../../errors.ts";
import { isPassing, unreachable } from "../../../../oci/access/connection-errors.ts";

const coded = (code: unknown, message = "m") => Object.assign(new Error(message), { code });
const caused = (cause: unknown) => new Error("fetch failed", { cause });
const away = { registry: "r.invalid", repository: "a/b" };
const here = { registry: "127.0.0.1:5000", repository: "a/b" };

test("what broke on the way may pass; a refused connection does not", () => {
  for (const code of [
    "ECONNRESET",
    "EPIPE",
    "ETIMEDOUT",
    "EAI_AGAIN",
    "UND_ERR_SOCKET",
    "UND_ERR_CONNECT_TIMEOUT",
    "UND_ERR_HEADERS_TIMEOUT",
    "UND_ERR_BODY_TIMEOUT",
  ]) {
    assert.ok(isPassing(coded(code)), code);
    assert.ok(isPassing(caused({ code })), code);
  }
  for (const message of ["terminated", "Other side closed"])
    assert.ok(isPassing(new Error(message)), message);
  for (const error of [coded("ECONNREFUSED"), caused({ code: "ENOTFOUND" }), caused(undefined), coded(1)])
    assert.equal(isPassing(error), false, String(error.cause));
  // The error's own code says more than that of its cause.
  assert.equal(isPassing(Object.assign(caused({ code: "EPIPE" }), { code: "ECONNREFUSED" })), false);
});

test("a registry that does not answer is told with its reason and with what to do there", () => {
  const error = unreachable(away, caused(coded("ENOTFOUND")));
  assert.equal(error.path, "r.invalid/a/b");
  assert.match(error.problem, /r\.invalid does not answer \(ENOTFOUND\)/);
  assert.match(error.remedy, /host name.*proxy/);
  assert.match(unreachable(here, coded("ECONNREFUSED")).remedy, /make up/);
  // Without a code its cause's words are the reason, and without a cause its own.
  assert.match(unreachable(away, caused(new Error("self-signed"))).problem, /\(self-signed\)/);
  assert.match(unreachable(away, caused("text")).problem, /\(fetch failed\)/);
  assert.match(unreachable(away, coded(42, "odd code")).problem, /\(odd code\)/);
});

test("a port that Node refuses is not a registry that is down, and what was told already stays as it is", () => {
  const refused = unreachable(here, caused(new Error("bad port")));
  assert.equal(refused.path, "registry 127.0.0.1:5000");
  assert.match(refused.message, /does not talk to this port/);
  const told = new UserError("a", "b", "c");
  assert.equal(unreachable(away, told), told);
});
