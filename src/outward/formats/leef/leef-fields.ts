import type { PairField, PairStyle } from '../shared/pair-fields.js';
import { leefText } from './leef-text.js';

/** The LEEF attributes that we set, in the order of the wire: QRadar's own names where it has them, camel-case words of ours elsewhere. */
const field = (key: string, maxOctets: number, cutOrder: number, meaning: string): PairField => ({ key, maxOctets, cutOrder, meaning });

/** A number or a time: never cut. */
const WHOLE = 20;

export const LEEF_FIELDS = {
  time: field('devTime', WHOLE, 0, '`occurredAt`, epoch milliseconds'),
  severity: field('sev', WHOLE, 0, '`severity`, at least 1'),
  id: field('externalId', 40, 0, '`id`'),
  sequence: field('sequence', 40, 0, '`sequence`: the log position `<partition>.<offset>`'),
  replay: field('replay', 40, 0, '`attributes.replay`: which replay sends it again; absent in the live stream'),
  category: field('cat', 40, 0, 'group of the type'),
  outcome: field('outcome', 63, 0, '`outcome`'),
  deviceHost: field('deviceHost', 255, 1, 'host name of the sender (setting `hostname`)'),
  action: field('action', 255, 8, '`attributes.action`, or the verb of an audit record'),
  actor: field('usrName', 255, 13, '`actor.name`, else `actor.id`'),
  actorId: field('usrId', 255, 12, '`actor.id`'),
  address: field('src', 39, 11, '`actor.ip`, an IPv4 or IPv6 address'),
  addressName: field('srcName', 255, 8, '`actor.ip` when it is no address'),
  target: field('accountName', 255, 13, 'name of the account or user that the event is about: the subject, else the only object of kind account (of an audit record: or user)'),
  targetId: field('accountId', 255, 12, 'its `id`'),
  domain: field('domain', 255, 8, '`attributes.domain`, else the domain of the subject'),
  group: field('groupID', 255, 9, '`subject.id` of a group'),
  requestId: field('requestId', 255, 9, '`attributes.request`, else the id of the subject or object of kind request'),
  resource: field('resource', 1023, 5, '`subject.name`, else `subject.id`'),
  resourceId: field('resourceId', 255, 5, '`subject.id`, where `accountId` does not have it'),
  oldValue: field('oldValue', 4000, 3, '`changes[].old`: the value of the field that the type reports, else `field: value` for each'),
  newValue: field('newValue', 4000, 4, '`changes[].new`, likewise'),
  items: field('items', 4000, 2, '`attributes.items`, else `added` and `removed`, else `approvers`, else the names of `objects`; what fits, then `and N more`'),
  daysRemaining: field('daysRemaining', WHOLE, 7, '`attributes.days`'),
  count: field('count', WHOLE, 7, '`attributes.count`, else the length of `attributes.items`'),
  dueDate: field('dueDate', WHOLE, 7, '`attributes.dueDate`, epoch milliseconds'),
  reason: field('reason', 4000, 6, '`reason`'),
  correlationId: field('correlationId', 255, 11, '`correlationId`'),
  tenantId: field('tenantId', 255, 5, '`tenantId`'),
  message: field('msg', 4000, 10, '`message`'),
} as const satisfies Record<string, PairField>;

/** Names the attributes that were cut or left out. */
export const TRUNCATED_FIELD: PairField = field('truncatedFields', 1023, 0, 'the keys of this event that were cut or left out, joined by commas; absent when none');
/** Say which part of how many a record of a split event is. */
export const PART_FIELDS: readonly [PairField, PairField] = [
  field('part', WHOLE, 0, 'which part of a split event this is, from 1; absent when the event is whole'),
  field('parts', WHOLE, 0, 'of how many parts'),
];

export function leefStyle(delimiter: string): PairStyle {
  return {
    text: leefText(delimiter),
    separator: delimiter,
    truncated: (keys) => `${delimiter}${TRUNCATED_FIELD.key}=${keys.join(',')}`,
    part: (number, of) => `${delimiter}${PART_FIELDS[0].key}=${number}${delimiter}${PART_FIELDS[1].key}=${of}`,
  };
}
