import assert from "node:assert/strict";
import { test } from "node:test";
import { remoteAddress } from "../../../lib/git-remote.ts";

test("every form of a remote becomes one web address, without credentials", () => {
  for (const remote of [
    "git@example.org:team/strata.git",
    "ssh://git@example.org:22/team/strata.git",
    "https://example.org/team/strata",
    "https://user:secret@example.org/team/strata.git/",
  ]) {
    assert.equal(remoteAddress(remote), "https://example.org/team/strata", remote);
  }
});

test("a folder of this machine is no address", () => {
  for (const remote of ["/srv/git/strata.git", "../strata", "file:///srv/strata", "C:\\strata"]) {
    assert.equal(remoteAddress(remote), null, remote);
  }
});
