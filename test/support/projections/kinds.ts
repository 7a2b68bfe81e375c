/**
 * Which class of OCSF and which kind of ECS each type is, written out from docs/reference/formats.md and section by section of the standards, apart from the renderers.
 * OCSF: class, activity and its name; `withoutAccount` where no account takes part. ECS: category and type.
 */
interface Kind {
  ocsf: readonly [classUid: number, activity: number, name: string];
  withoutAccount?: readonly [classUid: number, activity: number, name: string];
  ecs: readonly [category: readonly string[], type: readonly string[]];
}

const entity = (activity: number, name: string) => [3004, activity, name] as const;
const iam = (...type: string[]) => [['iam'], type] as const;
const configuration = (...type: string[]) => [['configuration'], type] as const;

const BY_TYPE: Readonly<Record<string, Kind>> = {
  'account.owner.changed': { ocsf: entity(3, 'Update'), ecs: iam('user', 'change') },
  'account.provisioned': { ocsf: [3001, 1, 'Create'], withoutAccount: entity(3, 'Update'), ecs: iam('user', 'creation') },
  'account.renewal.required': { ocsf: [3001, 99, 'Renewal Required'], withoutAccount: entity(99, 'Renewal Required'), ecs: iam('user', 'info') },
  'account.secret.changed': { ocsf: entity(3, 'Update'), ecs: iam('user', 'change') },
  'account.eol.scheduled': { ocsf: [3001, 99, 'End of Life Scheduled'], withoutAccount: entity(99, 'End of Life Scheduled'), ecs: iam('user', 'info') },
  'group.external.disabled': { ocsf: entity(9, 'Disable'), ecs: iam('group', 'change') },
  'user.external.detected': { ocsf: [5003, 2, 'Collect'], ecs: iam('user', 'info') },
  'user.synced.created': { ocsf: [3001, 1, 'Create'], withoutAccount: entity(3, 'Update'), ecs: iam('user', 'creation') },
  'provision.approval.changed': { ocsf: entity(3, 'Update'), ecs: iam('admin', 'info') },
  'provision.state.changed': { ocsf: [3001, 1, 'Create'], withoutAccount: entity(3, 'Update'), ecs: iam('user', 'creation') },
  'provision.template.state.changed': { ocsf: entity(3, 'Update'), ecs: [['iam', 'configuration'], ['admin', 'change']] },
  'remoteworker.access.error': { ocsf: [6008, 1, 'General Error'], ecs: iam('admin', 'info') },
  'request.state.changed': { ocsf: entity(3, 'Update'), ecs: iam('admin', 'change') },
  'user.adsync.disabled': { ocsf: entity(9, 'Disable'), ecs: iam('user', 'change') },
  'mitigation.alert.received': { ocsf: entity(1, 'Create'), ecs: iam('admin', 'info') },
  'mitigation.alert.processed': { ocsf: entity(99, 'Mitigate'), ecs: iam('admin', 'change') },
  'mitigation.alert.failed': { ocsf: entity(99, 'Mitigate'), ecs: iam('admin', 'change') },
  'mitigation.account.processed': { ocsf: entity(99, 'Mitigate'), ecs: iam('admin', 'change') },
  'mitigation.account.failed': { ocsf: entity(99, 'Mitigate'), ecs: iam('admin', 'change') },
  'mitigation.alert.waiting': { ocsf: entity(99, 'Wait for Approval'), ecs: iam('admin', 'info') },
  'mitigation.alert.rejected': { ocsf: entity(99, 'Reject'), ecs: iam('admin', 'info') },
  'mitigation.alert.purged': { ocsf: entity(4, 'Delete'), ecs: iam('admin', 'deletion') },
  'siem.heartbeat': { ocsf: [0, 99, 'Heartbeat'], ecs: configuration('info') },
  'siem.state.changed': { ocsf: entity(3, 'Update'), ecs: configuration('change') },
  'siem.retention.exceeded': { ocsf: [0, 99, 'Retention Exceeded'], ecs: configuration('info') },
  'siem.retention.warning': { ocsf: [0, 99, 'Retention Warning'], ecs: configuration('info') },
  'siem.test': { ocsf: [0, 99, 'Test'], ecs: configuration('info') },
};

const ACCOUNT = { create: [1, 'Create'], enable: [2, 'Enable'], password: [3, 'Password Change'], disable: [5, 'Disable'], delete: [6, 'Delete'], lock: [9, 'Lock'], unlock: [12, 'Unlock'] } as const;
const GROUP = { grant: [1, 'Assign Privileges'], revoke: [2, 'Revoke Privileges'], add: [3, 'Add User'], remove: [4, 'Remove User'], delete: [5, 'Delete'], create: [6, 'Create'] } as const;
const ENTITY = { create: [1, 'Create'], read: [2, 'Read'], update: [3, 'Update'], delete: [4, 'Delete'], move: [5, 'Move'], enable: [8, 'Enable'], disable: [9, 'Disable'] } as const;
const API = { create: [1, 'Create'], read: [2, 'Read'], update: [3, 'Update'], delete: [4, 'Delete'] } as const;

function byVerb(classUid: number, verbs: Readonly<Record<string, readonly [number, string]>>, verb: string): readonly [number, number, string] {
  const [activity, name] = Object.hasOwn(verbs, verb) ? (verbs[verb] ?? [99, '']) : [99, verb.slice(0, 1).toUpperCase() + verb.slice(1)];
  return [classUid, activity, name];
}

/** Audit records by object and verb: the last six rows of the table. */
function auditKind(object: string, verb: string): Kind {
  const ecs = auditEcs(object, verb);
  const withoutAccount = byVerb(3004, ENTITY, verb);
  if (verb === 'logon' || verb === 'logoff') return { ocsf: verb === 'logon' ? [3002, 1, 'Logon'] : [3002, 2, 'Logoff'], ecs };
  if (object === 'api') return { ocsf: byVerb(6003, API, verb), ecs };
  if (object === 'group' && verb in GROUP) return { ocsf: byVerb(3006, GROUP, verb), ecs };
  if (verb === 'grant' || verb === 'revoke') return { ocsf: verb === 'grant' ? [3005, 1, 'Assign Privileges'] : [3005, 2, 'Revoke Privileges'], withoutAccount, ecs };
  if (['user', 'account', 'identity'].includes(object) && verb in ACCOUNT) return { ocsf: byVerb(3001, ACCOUNT, verb), withoutAccount, ecs };
  return { ocsf: withoutAccount, ecs };
}

/** ECS "event.category" and "event.type": who may sign on is `iam`, how things are set is `configuration`. */
function auditEcs(object: string, verb: string): Kind['ecs'] {
  if (verb === 'logon' || verb === 'logoff') return [['authentication'], [verb === 'logon' ? 'start' : 'end']];
  const act = verb === 'create' ? 'creation' : ['delete', 'purge'].includes(verb) ? 'deletion' : ['read', 'export', 'test', 'call'].includes(verb) ? 'info' : 'change';
  if (['user', 'account', 'identity'].includes(object)) return iam('user', act);
  if (object === 'group') return iam('group', act);
  return ['role', 'entitlement', 'request', 'campaign', 'alert', 'mitigation', 'tidegate-user', 'tidegate-token'].includes(object) ? iam('admin', act) : configuration(act);
}

/** @throws Error for a type that nothing is said of */
export function kindOf(type: string): Kind {
  const [group, object = '', verb = ''] = type.split('.');
  const kind = group === 'audit' ? auditKind(object, verb) : BY_TYPE[type];
  if (kind === undefined) throw new Error(`${type} has no projection`);
  return kind;
}
