/** The events of the benchmarks: account lifecycle, 15 types in turn, about 700 octets of JSON, two in a hundred with text that every format must escape. */
const KINDS: ReadonlyArray<{ type: string; kind: string }> = [
  { type: 'account.provisioned', kind: 'account' },
  { type: 'account.owner.changed', kind: 'account' },
  { type: 'account.secret.changed', kind: 'account' },
  { type: 'group.external.disabled', kind: 'domain' },
  { type: 'user.external.detected', kind: 'domain' },
  { type: 'user.synced.created', kind: 'user' },
  { type: 'user.adsync.disabled', kind: 'domain' },
  { type: 'provision.state.changed', kind: 'request' },
  { type: 'provision.template.state.changed', kind: 'template' },
  { type: 'remoteworker.access.error', kind: 'worker' },
  { type: 'request.state.changed', kind: 'request' },
  { type: 'audit.user.update', kind: 'user' },
  { type: 'audit.user.lock', kind: 'user' },
  { type: 'audit.account.disable', kind: 'account' },
  { type: 'audit.role.assign', kind: 'role' },
];
const HOSTILE = 'a|pipe, an = sign, a \\ backslash, "quotes", ]bracket and Zürich\u2028line\nbreak';

/** The types, as a filter of an integration names them. */
export const BENCH_TYPES: readonly string[] = [...new Set(KINDS.map(({ type }) => type))];

/** @param id replaces `b-<number>` */
export function benchEvent(number: number, id = `b-${number}`): Record<string, unknown> {
  const { type, kind } = KINDS[number % KINDS.length] ?? { type: 'audit.user.update', kind: 'user' };
  return {
    id, type, occurredAt: '2026-03-04T05:06:07.890Z', actor: { kind: 'user', id: 'u-1001', name: 'ann.keller', ip: '192.0.2.10' },
    subject: { kind, id: `s-${number % 5000}`, name: `svc-backup-${number % 5000}`, domain: 'corp.example.com' }, objects: [{ kind: 'request', id: 'REQ-2041', name: 'REQ-2041' }, { kind: 'template', id: 'tpl-9', name: 'Service account' }],
    correlationId: `REQ-${number}`,
    attributes: { domain: 'corp.example.com', request: 'REQ-2041', template: 'Service account', owner: 'bob.ortiz', department: 'Finance and Controlling', costCenter: 'CC-4711', location: number % 50 === 0 ? HOSTILE : 'Berlin' },
    changes: [{ field: 'state', old: 'requested', new: 'active' }, { field: 'owner', old: null, new: 'bob.ortiz' }],
  };
}
