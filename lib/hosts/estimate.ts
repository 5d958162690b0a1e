/** Minutes that a test on a GPU host takes where none was measured: boot, pull, checks, teardown (docs/hosts.md). */
export const ESTIMATED_MINUTES = 20;
