import type { AwsBuilderDescription } from "../../lib/hosts/description.ts";
import type { AwsClients } from "../hosts/aws/clients.ts";
import type { Guard } from "../hosts/aws/guard.ts";
import type { RentOrder } from "./rented-builder.ts";

export interface RentTerms {
  /** Names of the resources of all heavy stages; the builder goes when each of those that an update is about has ended. */
  readonly heavy: readonly string[];
  /** Those of them that are not in the registry. */
  readonly missing: readonly string[];
  /** Minutes that the builder may be there, and US dollars that it may cost. */
  readonly minutes: number;
  readonly dollars: number;
}

/** How it reaches AWS; tests stand in for it. */
export interface RentMeans {
  readonly clients: (description: AwsBuilderDescription) => AwsClients;
  readonly openGuard: (description: AwsBuilderDescription) => Guard;
  readonly openTunnel: (description: AwsBuilderDescription, clients: AwsClients) => RentOrder["openTunnel"];
}

/** What is done on the builder when it has come and before anybody builds there, and before it goes. Neither throws. */
export interface RentGuest {
  came(): Promise<void>;
  goes(): Promise<void>;
}
