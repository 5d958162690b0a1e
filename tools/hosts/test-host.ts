import type { Evidence, EvidenceHost, RunReport } from "../../lib/evidence/evidence.ts";
import type { MemoryNeed } from "../../lib/gpu/memory.ts";

/** What a host is asked to do. */
export interface TestRequest {
  /** The image, by digest. */
  readonly reference: string;
  /** What the image is for. */
  readonly computeCapabilities: readonly string[];
  readonly minimumDriver: string;
  /** What the image's own workflows need; absent where a test runs none. */
  readonly memory?: MemoryNeed | undefined;
  /** Whether a layer is packed with zstd, which not every engine reads. */
  readonly hasZstd: boolean;
  /** Milliseconds since 1970 after which the host gives up. */
  readonly deadline: number;
  readonly signal: AbortSignal;
}

/** What came of it. */
export interface TestOutcome {
  readonly report: RunReport;
  readonly host: EvidenceHost;
  readonly preparation: Evidence["preparation"];
  /** Of this host alone; null where nobody asks for money. */
  readonly cost: Evidence["cost"];
}

/** Where an image is tested. */
export interface TestHost {
  readonly name: string;
  /** Whether it may be asked again after trouble, as another try may end up on another machine. */
  canRetry(): boolean;
  /** Whether what it says is the word of a GPU: only another one can contradict it. */
  readonly hasGpu: boolean;
  /** Whether asking it again asks another machine: a second opinion. */
  readonly hasOthers: boolean;
  /** At most, in US dollars. */
  readonly dollarsPerHour: number;
  /**
   * @throws HostTrouble where it says nothing about the image
   * @throws UserError where no host could do better, as the registry does not give the image out
   */
  test(order: TestRequest): Promise<TestOutcome>;
}
