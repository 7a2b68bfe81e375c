import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import { naturalKey } from '../../directory/natural-key.js';
import { ALERT_TYPES, type AlertType } from '../../model/alert.js';
import { nameKey } from '../../platform/access/user.schema.js';
import type { Principal } from '../../platform/access/rights.js';
import type { PostedAlert } from './alert-body.js';
import { StoredSettings } from '../../platform/settings/stored-settings.js';

const name = z.string().trim().min(1).max(255);
export const clientRule = z.strictObject({
  client: name.meta({ description: 'Name of the user or OAuth2 client; * stands for everybody who has no rule of their own. Upper and lower case count as equal.' }),
  types: z.array(z.enum(Object.keys(ALERT_TYPES) as [AlertType, ...AlertType[]])).min(1).optional().meta({ description: 'Alert types that it may post; absent: all.' }),
  actions: z.array(z.enum(['disable', 'delete'])).min(1).optional().meta({ description: 'Actions of the types that have one; absent: both.' }),
  applications: z.array(name).min(1).max(1000).optional().meta({ description: 'Names of applications; absent: all. Upper and lower case count as equal.' }),
});
export const clientRules = z.array(clientRule).max(1000);
export type ClientRule = z.output<typeof clientRule>;

export interface ClientRulesView {
  rules: ClientRule[];
  version: number;
  updatedAt: Date | null;
}

const NAME = 'alert-clients';
const EVERYBODY = '*';

/** Which client may post which alert on which application: a list beside the right `siemadministrator`. Whom no rule names, not even `*`, may post everything. */
@Injectable()
export class AlertClients {
  constructor(private readonly stored: StoredSettings) {}

  async view(): Promise<ClientRulesView> {
    return viewOf(await this.stored.get(NAME));
  }

  /** The whole list anew. @throws Problem 409 when another version than `version` is stored */
  async change(rules: readonly ClientRule[], version: number | undefined, principal: Principal): Promise<ClientRulesView> {
    return viewOf(await this.stored.change(NAME, { rules }, { version, principal, shown: () => [] }));
  }

  /** At most a second behind a change. Answers why the alert may not be posted. @throws when the document store does not answer */
  async refusal(alert: Pick<PostedAlert, 'type' | 'action' | 'application'>, principal: Pick<Principal, 'name'>): Promise<string | undefined> {
    const { rules } = await this.view();
    const own = rules.filter(({ client }) => nameKey(client) === nameKey(principal.name));
    const counting = own.length > 0 ? own : rules.filter(({ client }) => client === EVERYBODY);
    if (counting.length === 0 || counting.some((rule) => allows(rule, alert))) return undefined;
    const action = ALERT_TYPES[alert.type].usesAction ? ` with the action '${alert.action}'` : '';
    return `The client '${principal.name}' may not post '${alert.type}'${action} on the application '${alert.application}'; an administrator changes that with PUT /api/v1/settings/alert-clients`;
  }
}

function allows({ types, actions, applications }: ClientRule, alert: Pick<PostedAlert, 'type' | 'action' | 'application'>): boolean {
  if (types && !types.includes(alert.type)) return false;
  if (actions && ALERT_TYPES[alert.type].usesAction && !actions.includes(alert.action)) return false;
  return !applications || applications.some((application) => naturalKey(application) === naturalKey(alert.application));
}

/** @throws when what is stored is no list of rules: then nothing is allowed until it is mended. */
function viewOf({ values, version, updatedAt }: Awaited<ReturnType<StoredSettings['get']>>): ClientRulesView {
  return { rules: clientRules.parse(values['rules'] ?? []), version, updatedAt };
}
