/** Tests by how they ended. */
export interface TestCount {
  passed: number;
  failed: number;
  skipped: number;
}

/** All of them together. */
export function addUp(counts: readonly TestCount[]): TestCount {
  const total: TestCount = { passed: 0, failed: 0, skipped: 0 };
  for (const { passed, failed, skipped } of counts) {
    total.passed += passed;
    total.failed += failed;
    total.skipped += skipped;
  }
  return total;
}
