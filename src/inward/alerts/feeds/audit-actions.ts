import { Injectable } from '@nestjs/common';
import type { Principal } from '../../../platform/access/rights.js';
import { StoredSettings } from '../../../platform/settings/stored-settings.js';
import { EVENT_TYPES } from '../../../model/event-types.js';

/** The acts of mitigations keep the name that SIEM content for the original looks for. */
export const SIEM_PROVISIONING = 'siemProvisioning';
/** Of an alert about an application there is one for each account, and one of the whole. */
const PROVISIONING_TYPES: readonly string[] = ['mitigation.alert.processed', 'mitigation.alert.failed', 'mitigation.account.processed', 'mitigation.account.failed'];

/** Types that Tidegate itself writes beside those of the catalogue, and that therefore may be looked for before the first one is there. */
const OWN_TYPES: readonly string[] = [
  ...['create', 'update', 'delete', 'enable', 'disable', 'test'].map((verb) => `audit.integration.${verb}`),
  ...['create', 'update', 'delete', 'password'].map((verb) => `audit.tidegate-user.${verb}`),
  'audit.tidegate-token.revoke', 'audit.setting.update', 'audit.session.logon', 'audit.session.reject',
  ...['create', 'update', 'delete', 'enable', 'disable', 'password', 'grant', 'revoke'].map((verb) => `audit.account.${verb}`),
  ...['application', 'identity', 'entitlement'].flatMap((object) => ['create', 'update', 'delete'].map((verb) => `audit.${object}.${verb}`)),
  'audit.dead-letter.replay', 'audit.dead-letter.delete',
];

export interface AuditAction {
  name: string;
  enabled: boolean;
}

const NAME = 'audit-actions';

/** The name of a record's type as an action of the feed. */
export function actionOf(type: string): string {
  return PROVISIONING_TYPES.includes(type) ? SIEM_PROVISIONING : type;
}

/** The types that show as an action. */
export function typesOf(action: string): readonly string[] {
  return action === SIEM_PROVISIONING ? PROVISIONING_TYPES : PROVISIONING_TYPES.includes(action) ? [] : [action];
}

/** Named audit actions with on and off. Off hides an action from the audit-events feed, and from nothing else: it is still recorded and still sent. */
@Injectable()
export class AuditActions {
  constructor(private readonly stored: StoredSettings) {}

  /** In a fixed order; `seen` are types that records have, beside those that are known beforehand. */
  async list(seen: readonly string[]): Promise<AuditAction[]> {
    const disabled = await this.disabled();
    const reserved = EVENT_TYPES.filter(({ reserved: own }) => own).map(({ id }) => actionOf(id));
    const names = new Set([SIEM_PROVISIONING, ...reserved, ...OWN_TYPES, ...seen.map(actionOf).sort()]);
    return [...names].map((name) => ({ name, enabled: !disabled.has(name) }));
  }

  /** Types that the feed does not show. */
  async hiddenTypes(): Promise<string[]> {
    return [...(await this.disabled())].flatMap((action) => [...typesOf(action)]);
  }

  /** @throws Problem 409 when many change it at once */
  async set(action: string, enabled: boolean, principal: Principal): Promise<void> {
    await this.stored.change(NAME, { [keyOf(action)]: enabled ? undefined : false }, { principal, shown: () => true });
  }

  private async disabled(): Promise<Set<string>> {
    const { values } = await this.stored.get(NAME);
    return new Set(Object.entries(values).flatMap(([key, value]) => (value === false ? [key.replaceAll('/', '.')] : [])));
  }
}

/** A dot in the name of a field means something to the document store. */
function keyOf(action: string): string {
  return action.replaceAll('.', '/');
}
