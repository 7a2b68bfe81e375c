import type { JsonRoom } from '../shared/json-record.js';

const NEVER_CUT = Number.POSITIVE_INFINITY;
const member = (path: readonly string[], floorOctets: number) => ({ path, floorOctets });

/** What goes first beyond the message limit: what is said elsewhere too, then our own, then names; ids of the event and how it is classified stay. */
export const ECS_ROOM: JsonRoom = {
  cutOrder: [
    member(['observer'], NEVER_CUT),
    member(['related'], NEVER_CUT),
    member(['error'], NEVER_CUT),
    member(['labels'], 200),
    member(['tidegate', 'objects'], 200),
    ...['items', 'added', 'removed', 'approvers'].map((name) => member(['tidegate', name], 200)),
    member(['tidegate', 'changes'], 200),
    member(['event', 'created'], NEVER_CUT),
    ...['template', 'step', 'owner', 'requester', 'mail_outcome', 'error_code', 'domain', 'action', 'request'].map((name) => member(['tidegate', name], 66)),
    ...['count', 'days', 'due_date'].map((name) => member(['tidegate', name], NEVER_CUT)),
    member(['organization'], 66),
    member(['group'], 190),
    member(['event', 'reason'], 66),
    member(['message'], 130),
    member(['tidegate', 'correlation_id'], 66),
    member(['source', 'address'], 66),
    member(['source', 'ip'], NEVER_CUT),
    member(['tidegate', 'subject', 'details'], 66),
    member(['tidegate', 'subject', 'name'], 66),
    member(['tidegate', 'subject', 'id'], 66),
    member(['tidegate', 'subject', 'kind'], 66),
    member(['user', 'target', 'domain'], 66),
    member(['user', 'name'], 66),
    member(['user', 'target', 'name'], 66),
    member(['user', 'id'], 66),
    member(['user', 'target', 'id'], 66),
    member(['tidegate', 'actor_kind'], 66),
  ],
  truncated: ['tidegate', 'truncated'],
  spread: [
    ...['message', 'user', 'group', 'source', 'organization', 'related', 'error', 'observer'].map((name) => ({ path: [name] })),
    { path: ['event', 'reason'] }, { path: ['event', 'created'] },
    ...[
      'correlation_id', 'subject', 'action', 'request', 'domain', 'template', 'step', 'owner', 'requester', 'mail_outcome', 'error_code', 'count', 'days', 'due_date', 'changes', 'items', 'added', 'removed', 'approvers', 'objects',
    ].map((name) => ({ path: ['tidegate', name] })),
    { path: ['labels'], byMember: true },
  ],
  part: { number: ['tidegate', 'part'], of: ['tidegate', 'parts'] },
};
