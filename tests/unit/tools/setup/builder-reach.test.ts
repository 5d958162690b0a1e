import assert from "node:assert/strict";
import { test } from "node:test";
import { connectionProblem } from "../../../../tools/setup/builder-reach.ts";

// As BuildKit 0.31.1 and containerd's resolver say it.
const failed = (cause: string) =>
  `#2 [internal] load metadata for reg.example:5000/x:strata-asks\n#2 ERROR: failed to do request: Head "https://reg.example:5000/v2/x/manifests/strata-asks": ${cause}\n------\nerror: failed to solve: reg.example:5000/x:strata-asks: ${cause}\n`;

test("nobody was reached: the reason, once", () => {
  for (const cause of [
    "dial tcp 10.0.0.1:5000: connect: connection refused",
    "dial tcp: lookup reg.example on 127.0.0.53:53: no such host",
    "dial tcp 10.0.0.1:5000: i/o timeout",
    "tls: failed to verify certificate: x509: certificate signed by unknown authority",
    "http: server gave HTTP response to HTTPS client",
  ]) {
    assert.equal(connectionProblem(failed(cause)), cause);
  }
});

test("an answer is one, whatever it says", () => {
  for (const answer of [
    "reg.example:5000/x:strata-asks: not found",
    "failed to fetch anonymous token: 401 Unauthorized",
    "pull access denied, repository does not exist or may require authorization: server message: insufficient_scope",
    "invalid response status 404",
  ]) {
    assert.equal(connectionProblem(failed(answer)), undefined, answer);
  }
});
