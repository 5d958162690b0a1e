import type { CudaVersion } from "../gpu/compatibility.ts";
import { type GenerationName, generation, minimumDriver } from "../gpu/generations.ts";
import type { TestDescription } from "./description.ts";
import type { Budget } from "./host-setting.ts";

/** What a stack's image is for, and what its test may take. */
export function testLimits(stack: {
  readonly generation: GenerationName;
  readonly cuda: CudaVersion;
  readonly budget: Budget;
}): Omit<TestDescription, "hosts"> {
  return {
    computeCapabilities: [...generation(stack.generation).computeCapabilities],
    minimumDriver: minimumDriver(stack.generation, stack.cuda),
    budget: stack.budget,
  };
}
