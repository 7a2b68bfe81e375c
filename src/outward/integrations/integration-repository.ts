import type { Integration } from '../../model/integration.js';

/** An integration with its secrets opened. Where that is not possible the secret is absent and `secretsUnreadable` says why: nothing may be sent then. */
export type EngineIntegration = Integration & { secretsUnreadable?: string };

/** What changed since a moment: engines ask every second and compare versions, so an overlap is harmless. */
export interface IntegrationChanges {
  /** Ask with this the next time. */
  asOf: number;
  /** Changed or new. */
  changed: EngineIntegration[];
  /** Ids of those that are gone. */
  deleted: string[];
}

/** How engines see the integrations; implemented beside the REST that administrators use. */
export abstract class IntegrationRepository {
  /** All pools; `since` 0 gives everything that is not deleted. */
  abstract changes(since: number): Promise<IntegrationChanges>;
  abstract get(id: string): Promise<EngineIntegration | undefined>;
}
