import type { Integration } from '../../model/integration.js';

/** What changed since a moment: engines ask every second and compare versions, so an overlap is harmless. */
export interface IntegrationChanges {
  /** Ask with this the next time. */
  asOf: number;
  /** Changed or new, secrets opened. An integration whose secrets cannot be opened comes with `secretsUnreadable`. */
  changed: Array<Integration & { secretsUnreadable?: string }>;
  /** Ids of those that are gone. */
  deleted: string[];
}

/** How engines see the integrations; implemented beside the REST that administrators use. */
export abstract class IntegrationRepository {
  /** All pools; `since` 0 gives everything that is not deleted. */
  abstract changes(since: number): Promise<IntegrationChanges>;
  abstract get(id: string): Promise<Integration | undefined>;
}
