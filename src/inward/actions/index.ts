import type { AlertType } from '../../model/alert.js';
import { accountAction } from './account.action.js';
import { accountsAction } from './accounts.action.js';
import { applicationAccountsAction } from './application-accounts.action.js';
import { certifyAction } from './certify.action.js';
import { entitlementAction } from './entitlement.action.js';
import { entitlementsAction } from './entitlements.action.js';
import { entitlementsAllAction } from './entitlements-all.action.js';
import { groupAction } from './group.action.js';
import type { MitigationAction } from './mitigation-action.js';
import { passwordAction } from './password.action.js';
import { passwordsAction } from './passwords.action.js';

/** The list: one action a file. A type without an action does not compile. */
export const MITIGATION_ACTIONS: { readonly [Type in AlertType]: MitigationAction } = {
  'identity/account': accountAction,
  'identity/accounts': accountsAction,
  'identity/entitlement': entitlementAction,
  'identity/entitlements': entitlementsAction,
  'identity/entitlements-all': entitlementsAllAction,
  'identity/password': passwordAction,
  'identity/passwords': passwordsAction,
  'identity/certify': certifyAction('identity/certify'),
  'identity/certify-all': certifyAction('identity/certify-all'),
  'application/group': groupAction,
  'application/accounts': applicationAccountsAction,
  'application/certify-group': certifyAction('application/certify-group'),
  'application/certify-all': certifyAction('application/certify-all'),
};
