/**
 * The event catalogue: stable ids, CEF numbers, severities, message templates and the attributes that each type knows. Pure data, read by intake (schemas,
 * completion), formats (names, numbers) and docs. `type` is also CloudEvents `type`, syslog MSGID (at most 32 octets, RFC 5424 6.2.7) and ECS `event.action`.
 */

/** The attribute vocabulary. Every type may carry more; these have a place in the formats. */
export const KNOWN_ATTRIBUTES = {
  domain: { type: 'string', description: 'Domain or connected system.' },
  request: { type: 'string', description: 'Request id.' },
  template: { type: 'string', description: 'Provisioning template.' },
  step: { type: 'string', description: 'Approval step.' },
  approvers: { type: 'array', items: { type: 'string' }, description: 'Who may approve.' },
  requester: { type: 'string', description: 'Who asked.' },
  owner: { type: 'string', description: 'Owner of the account.' },
  added: { type: 'array', items: { type: 'string' }, description: 'Names that were added.' },
  removed: { type: 'array', items: { type: 'string' }, description: 'Names that were removed.' },
  items: { type: 'array', items: { type: 'string' }, description: 'Names of the groups, users or accounts that the event sums up.' },
  count: { type: 'integer', minimum: 0, description: 'How many things the event sums up; the length of `items` when left out.' },
  days: { type: 'integer', description: 'Days remaining.' },
  dueDate: { type: 'string', format: 'date-time', description: 'When it is due.' },
  action: { type: 'string', description: 'The action that will be taken.' },
  mailOutcome: { type: 'string', description: 'What became of the mail.' },
  errorCode: { type: 'string', description: 'Error code of the connected system.' },
} as const;
export type KnownAttribute = keyof typeof KNOWN_ATTRIBUTES;

export type EventGroup = 'account' | 'group' | 'user' | 'provision' | 'remoteworker' | 'request' | 'audit' | 'mitigation' | 'siem';

export interface EventType {
  /** At most 32 octets. */
  id: string;
  /** Fixed phrase: CEF name, no data in it. */
  name: string;
  group: EventGroup;
  /** CEF signature id. */
  cefId: number;
  /** CEF scale 0..10. */
  severity: number;
  /** Severity when the outcome is `failure`, where it differs. */
  failureSeverity?: number;
  /** Message template: `{name}` is resolved by `message-template.ts`. */
  template: string;
  /** `subject.kind` that the type expects. */
  subjectKind: string;
  /** Attributes that the type is known by; `required` ones must be there. */
  attributes: readonly KnownAttribute[];
  required: readonly KnownAttribute[];
  /** Field whose change the type reports (`changes[].field`), if any. */
  changeField?: string;
  /** Only Tidegate itself may send it. */
  reserved: boolean;
  /** What it tells, for the docs. */
  description: string;
}

const producerTypes: EventType[] = [
  { id: 'account.owner.changed', name: 'Account Owner Changed', group: 'account', cefId: 1001, severity: 3, subjectKind: 'account', attributes: ['added', 'removed', 'domain'], required: [], changeField: 'owner', reserved: false,
    template: 'Owners of account {account} changed: added {added}, removed {removed}', description: 'A managed account has had an owner added or removed.' },
  { id: 'account.provisioned', name: 'Account Provisioned', group: 'account', cefId: 1002, severity: 3, subjectKind: 'account', attributes: ['domain', 'request', 'template', 'owner'], required: ['domain'], reserved: false,
    template: 'Account {account} was provisioned in {domain} (request {request})', description: 'An account was successfully provisioned.' },
  { id: 'account.renewal.required', name: 'Account Requires Renewal', group: 'account', cefId: 1003, severity: 4, subjectKind: 'account', attributes: ['dueDate', 'days', 'owner', 'domain'], required: ['dueDate'], reserved: false,
    template: 'Account {account} is up for renewal, due {date} ({days} days)', description: 'An account is up for renewal.' },
  { id: 'account.secret.changed', name: 'Account Secret ID Changed', group: 'account', cefId: 1004, severity: 5, subjectKind: 'account', attributes: ['domain'], required: [], changeField: 'secretId', reserved: false,
    template: 'The secret ID of account {account} changed from {old} to {new}', description: "An account's secret ID was changed; ids, never the secret." },
  { id: 'account.eol.scheduled', name: 'End of Life Notification', group: 'account', cefId: 1005, severity: 5, subjectKind: 'account', attributes: ['action', 'days', 'dueDate', 'domain'], required: ['action', 'days'], reserved: false,
    template: 'End of life action {action} on account {account} in {days} days', description: "An account's End of Life action will be taken in a number of days." },
  { id: 'group.external.disabled', name: 'External Groups Disabled', group: 'group', cefId: 1006, severity: 6, subjectKind: 'domain', attributes: ['items', 'count', 'domain'], required: [], reserved: false,
    template: '{n} groups of {domain} were disabled by the last domain sync', description: 'Some groups in the domain were disabled during the last domain sync.' },
  { id: 'user.external.detected', name: 'New External User', group: 'user', cefId: 1007, severity: 6, subjectKind: 'domain', attributes: ['items', 'count', 'domain'], required: [], reserved: false,
    template: '{n} accounts in {domain} are not managed', description: 'Accounts have been added since the last sync and are not being managed.' },
  { id: 'user.synced.created', name: 'New Synced User', group: 'user', cefId: 1008, severity: 3, subjectKind: 'user', attributes: ['domain', 'mailOutcome'], required: [], reserved: false,
    template: 'User {user} was added by sync and a welcome email was sent', description: 'A new user was synced and a welcome email was sent.' },
  { id: 'provision.approval.changed', name: 'Provision Approval Step Changed', group: 'provision', cefId: 1009, severity: 3, subjectKind: 'request', attributes: ['step', 'approvers', 'request'], required: ['step'], reserved: false,
    template: 'Request {request} needs approval at step {step}', description: 'A provision step requires approval.' },
  { id: 'provision.state.changed', name: 'Provision State Changed', group: 'provision', cefId: 1010, severity: 3, failureSeverity: 7, subjectKind: 'request', attributes: ['request'], required: [], changeField: 'state', reserved: false,
    template: 'Provisioning request {request} failed for {account}: {reason}', description: 'A request failed to provision (or reached another provisioning state).' },
  { id: 'provision.template.state.changed', name: 'Provision Template State Changed', group: 'provision', cefId: 1011, severity: 3, subjectKind: 'template', attributes: ['template'], required: [], changeField: 'state', reserved: false,
    template: 'Template {template} changed from {old} to {new}', description: 'A provision template was updated to a new state.' },
  { id: 'remoteworker.access.error', name: 'Remote Worker Integration Access Error', group: 'remoteworker', cefId: 1012, severity: 8, subjectKind: 'worker', attributes: ['domain', 'errorCode'], required: ['domain'], reserved: false,
    template: 'Remote worker {worker} cannot access domain {domain}: {reason}', description: 'A remote worker cannot access the configured domain.' },
  { id: 'request.state.changed', name: 'Request State Changed', group: 'request', cefId: 1013, severity: 3, failureSeverity: 7, subjectKind: 'request', attributes: ['request', 'requester'], required: [], changeField: 'state', reserved: false,
    template: 'Request {request} changed from {old} to {new}', description: 'The state of a request has changed.' },
  { id: 'user.adsync.disabled', name: 'User Disabled by AD User Sync', group: 'user', cefId: 1014, severity: 7, subjectKind: 'domain', attributes: ['items', 'count', 'domain'], required: [], reserved: false,
    template: '{n} users of {domain} were disabled by the last Active Directory sync', description: 'The last Active Directory sync disabled a number of users.' },
];

const mitigation = (verb: string, offset: number, severity: number, template: string, description: string, object: 'alert' | 'account' = 'alert'): EventType => ({
  id: `mitigation.${object}.${verb}`, name: `Mitigation ${capital(object)} ${capital(verb)}`, group: 'mitigation', cefId: 1200 + offset, severity, subjectKind: 'alert', attributes: ['action', 'count'], required: [],
  reserved: true, template, description,
});

function capital(word: string): string {
  return `${word.slice(0, 1).toUpperCase()}${word.slice(1)}`;
}

const ownTypes: EventType[] = [
  mitigation('received', 1, 4, 'Alert {alert} was received: {action}', 'A SIEM posted an alert and it was stored.'),
  mitigation('processed', 2, 5, 'Alert {alert} was mitigated: {action}', 'The action of an alert took effect.'),
  mitigation('failed', 3, 8, 'Alert {alert} failed: {reason}', 'The action of an alert failed, in whole or in part.'),
  mitigation('waiting', 4, 4, 'Alert {alert} waits for approval', 'An alert waits for an approval.'),
  mitigation('rejected', 5, 6, 'Alert {alert} was rejected: {reason}', 'An alert was not acted upon.'),
  mitigation('purged', 6, 2, 'Alert {alert} was purged', 'A closed alert was removed after its time.'),
  mitigation('processed', 7, 4, 'Alert {alert} took effect on account {account}: {action}', 'An alert about an application took effect on one of its accounts.', 'account'),
  mitigation('failed', 8, 7, 'Alert {alert} failed on account {account}: {reason}', 'An alert about an application failed on one of its accounts.', 'account'),
  { id: 'siem.heartbeat', name: 'SIEM Heartbeat', group: 'siem', cefId: 1990, severity: 0, subjectKind: 'integration', attributes: ['count'], required: [], reserved: true, template: 'Heartbeat of {integration}', description: 'What was sent since the last heartbeat.' },
  { id: 'siem.state.changed', name: 'SIEM Integration State Changed', group: 'siem', cefId: 1991, severity: 5, failureSeverity: 8, subjectKind: 'integration', attributes: [], required: [], changeField: 'state', reserved: true,
    template: 'Integration {integration} changed from {old} to {new}: {reason}', description: 'Delivery to an integration changed its state.' },
  { id: 'siem.retention.exceeded', name: 'SIEM Retention Exceeded', group: 'siem', cefId: 1992, severity: 9, subjectKind: 'integration', attributes: ['count'], required: ['count'], reserved: true,
    template: '{n} events were removed by retention before {integration} received them', description: 'An integration fell out of retention; the count says how many events it will not get.' },
  { id: 'siem.retention.warning', name: 'SIEM Retention Warning', group: 'siem', cefId: 1993, severity: 8, subjectKind: 'integration', attributes: ['count'], required: ['count'], reserved: true,
    template: '{n} events that {integration} did not receive yet will soon be removed by retention', description: 'Events that wait for an integration come near to what retention removes; the count says how many.' },
  { id: 'siem.test', name: 'SIEM Test', group: 'siem', cefId: 1999, severity: 0, subjectKind: 'integration', attributes: [], required: [], reserved: true, template: 'Test event from {integration}', description: 'Sent by the Test button.' },
];

export const EVENT_TYPES: readonly EventType[] = [...producerTypes, ...ownTypes];
const byId = new Map(EVENT_TYPES.map((type) => [type.id, type]));

/** `audit.{object}.{verb}`: object at most 15, verb at most 10 octets, so that 32 hold. */
export const AUDIT_TYPE_PATTERN = /^audit\.([a-z0-9-]{1,15})\.([a-z0-9-]{1,10})$/;

/** Objects whose audit types are Tidegate's own: a producer that sends one gets 403. */
export const OWN_AUDIT_OBJECTS: readonly string[] = ['integration', 'dead-letter', 'tidegate-user', 'tidegate-token', 'setting', 'alert', 'mitigation', 'connector', 'application', 'directory', 'campaign', 'job', 'session', 'notification', 'notify-channel'];

/** Verbs with a stable CEF number; any other verb is 1100. */
const AUDIT_VERBS = ['create', 'read', 'update', 'delete', 'enable', 'disable', 'lock', 'unlock', 'password', 'logon', 'logoff', 'add', 'remove', 'grant', 'revoke', 'approve', 'reject', 'import', 'export', 'test', 'start', 'stop', 'run', 'move', 'call', 'replay', 'purge', 'undo'];

/** The type of an id: a catalogue entry, or "any audit record" made from its object and verb; undefined when it is neither. */
export function eventTypeOf(id: string): EventType | undefined {
  const known = byId.get(id);
  if (known) return known;
  const match = AUDIT_TYPE_PATTERN.exec(id);
  if (!match) return undefined;
  const [, object = '', verb = ''] = match;
  const type: EventType = {
    id, name: 'Audit Record', group: 'audit', cefId: 1100 + 1 + AUDIT_VERBS.indexOf(verb), severity: 2, failureSeverity: 5, subjectKind: object, attributes: [], required: [],
    reserved: OWN_AUDIT_OBJECTS.includes(object), template: `{actor} ${verb} ${object} {name}`, description: 'Any audit record.',
  };
  byId.set(id, type);
  if (byId.size > 10_000) byId.delete(id);
  return type;
}
