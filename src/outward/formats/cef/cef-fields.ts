import { type PairField, type PairStyle, startOf } from '../shared/pair-fields.js';
import { CEF_TEXT } from './cef-escape.js';

/** The CEF extension keys that we set (CEF Implementation Standard, version 27; lengths in octets), in the order of the wire. */
const field = (key: string, label: string | undefined, maxOctets: number, cutOrder: number, meaning: string): PairField => ({ key, label, maxOctets, cutOrder, meaning });

/** A number or a time: never cut. */
const WHOLE = 20;

export const CEF_FIELDS = {
  rt: field('rt', undefined, WHOLE, 0, '`occurredAt`, epoch milliseconds'),
  start: field('start', undefined, WHOLE, 1, '`occurredAt`, epoch milliseconds'),
  externalId: field('externalId', undefined, 40, 0, '`id`'),
  sequence: field('TidegateSequence', undefined, 40, 0, '`sequence`: the log position `<partition>.<offset>`'),
  replay: field('TidegateReplay', undefined, 40, 0, '`attributes.replay`: which replay sends it again; absent in the live stream'),
  eventType: field('cs6', 'eventType', 4000, 0, '`type`'),
  category: field('cat', undefined, 1023, 1, '`/Tidegate/<group of the type>`'),
  outcome: field('outcome', undefined, 63, 0, '`outcome`'),
  deviceHost: field('dvchost', undefined, 100, 1, 'host name of the sender (setting `hostname`)'),
  action: field('act', undefined, 63, 8, '`attributes.action`, or the verb of an audit record'),
  sourceUser: field('suser', undefined, 1023, 13, '`actor.name`'),
  sourceUserId: field('suid', undefined, 1023, 12, '`actor.id`'),
  sourceAddress: field('src', undefined, 15, 11, '`actor.ip` when it is IPv4'),
  sourceAddressV6: field('c6a2', 'sourceAddress', 39, 11, '`actor.ip` when it is IPv6'),
  sourceHost: field('shost', undefined, 1023, 8, '`actor.ip` when it is neither'),
  targetUser: field('duser', undefined, 1023, 13, 'name of the account or user that the event is about: the subject, else the only object of kind account (of an audit record: or user)'),
  targetUserId: field('duid', undefined, 1023, 12, 'its `id`'),
  targetDomain: field('dntdom', undefined, 255, 8, '`attributes.domain`, else the domain of the subject'),
  requestId: field('cs1', 'requestId', 4000, 9, '`attributes.request`, else the id of the subject or object of kind request'),
  objectName: field('cs2', 'objectName', 4000, 5, '`subject.name`, else `subject.id`'),
  oldValue: field('cs3', 'oldValue', 4000, 3, '`changes[].old`: the value of the field that the type reports, else `field: value` for each'),
  newValue: field('cs4', 'newValue', 4000, 4, '`changes[].new`, likewise'),
  items: field('cs5', 'items', 4000, 2, '`attributes.items`, else `added` and `removed`, else `approvers`, else the names of `objects`; what fits, then `and N more`'),
  daysRemaining: field('cn1', 'daysRemaining', WHOLE, 7, '`attributes.days`'),
  count: field('cn2', 'count', WHOLE, 7, '`attributes.count`, else the length of `attributes.items`'),
  dueDate: field('deviceCustomDate1', 'dueDate', WHOLE, 7, '`attributes.dueDate`, epoch milliseconds'),
  reason: field('reason', undefined, 1023, 6, '`reason`'),
  correlationId: field('TidegateCorrelationId', undefined, 255, 11, '`correlationId`'),
  objectId: field('TidegateObjectId', undefined, 255, 5, '`subject.id`, where `duid` does not have it'),
  tenantId: field('TidegateTenantId', undefined, 255, 5, '`tenantId`'),
  message: field('msg', undefined, 1023, 10, '`message`'),
} as const satisfies Record<string, PairField>;

/** Says in the event how many fields were cut or left out. */
export const TRUNCATED_FIELD: PairField = field('cn3', 'truncatedFields', WHOLE, 0, 'how many fields of this event were cut or left out; absent when none');
/** Say which part of how many a record of a split event is. */
export const PART_FIELDS: readonly [PairField, PairField] = [
  field('TidegatePart', undefined, WHOLE, 0, 'which part of a split event this is, from 1; absent when the event is whole'),
  field('TidegateParts', undefined, WHOLE, 0, 'of how many parts'),
];

export const CEF_STYLE: PairStyle = {
  text: CEF_TEXT,
  separator: ' ',
  truncated: (keys) => ` ${startOf(TRUNCATED_FIELD)}${keys.length}`,
  part: (number, of) => ` ${startOf(PART_FIELDS[0])}${number} ${startOf(PART_FIELDS[1])}${of}`,
};
