import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ChildPeer } from './child-peer.js';
import { CEF_PAIRS, SD_PARAMETERS } from './event-fields.js';
import { findProgram, programMissing } from './find-program.js';
import type { Peer, PeerContext, RunningPeer, Scenario } from './peer.js';

const VARIABLE = 'TIDEGATE_TEST_BENCH_FLUENT_BIT';
const NAME = 'fluent-bit';

/** Fluent Bit: in_kafka -> a Lua filter where the format needs fields -> out_tcp or out_udp, and out_syslog for JSON behind a header. */
export const fluentBitPeer: Peer = {
  name: 'fluent-bit',
  missing: () => programMissing(VARIABLE, NAME),
  takes: () => true,
  async start(scenario: Scenario, context: PeerContext): Promise<RunningPeer> {
    const work = join(context.directory, context.run.replaceAll(' ', '-'));
    await mkdir(work, { recursive: true });
    const script = join(work, 'render.lua');
    const file = join(work, 'fluent-bit.conf');
    await writeFile(script, rendering(scenario.format));
    await writeFile(file, configuration(scenario, context, script));
    const peer = new ChildPeer();
    peer.add(findProgram(VARIABLE, NAME) ?? NAME, ['-c', file]);
    return peer;
  },
};

const rendered = (format: Scenario['format']): boolean => format === 'cef' || format === 'structured-data';

function configuration({ format, protocol }: Scenario, { kafka, topic, ports, run, fromNow }: PeerContext, script: string): string {
  const section = (name: string, settings: Record<string, string | number>) => [`[${name}]`, ...Object.entries(settings).map(([key, value]) => `    ${key} ${value}`)];
  const output: Record<string, string | number> = format === 'json-header'
    ? { name: 'syslog', mode: protocol, syslog_format: 'rfc5424', syslog_maxsize: 65536, syslog_facility_preset: 13, syslog_severity_preset: 6, syslog_hostname_preset: 'siem-gate', syslog_appname_preset: 'tidegate', syslog_message_key: 'payload' }
    : { name: protocol, raw_message_key: rendered(format) ? '$text' : '$payload' };
  return [
    ...section('SERVICE', { flush: 0.1, log_level: 'warn' }),
    // Not threaded: with a thread of its own the input takes the whole topic into memory before the first octet leaves, and events/s would tell nothing.
    ...section('INPUT', {
      name: 'kafka', brokers: kafka.brokers.join(','), topics: topic, group_id: run.replaceAll(' ', '-'), format: rendered(format) ? 'json' : 'none', poll_ms: 10,
      'rdkafka.auto.offset.reset': fromNow ? 'latest' : 'earliest', 'rdkafka.fetch.wait.max.ms': 5,
    }),
    ...(rendered(format) ? section('FILTER', { name: 'lua', match: '*', script, call: 'render' }) : []),
    ...ports.flatMap((port) => section('OUTPUT', { ...output, match: '*', host: '127.0.0.1', port, retry_limit: 'no_limits' })),
    '',
  ].join('\n');
}

/** A Lua function that makes the text of an event: escaped as the format wants it, control characters written out. */
function rendering(format: Scenario['format']): string {
  const header = ['"<110>1 "', 'd.occurredAt', '" siem-gate tidegate - "', 'd.type'];
  const path = (field: string) => `d.${field.replaceAll('!', '.')}`;
  const value = (field: string) => `value(${path(field)})`;
  const parts = format === 'cef'
    ? [...header, '" - CEF:0|Tidegate|Tidegate|1|"', 'd.type', '"|"', 'd.type', '"|"', 'd.severity', '"|"', ...CEF_PAIRS.flatMap(([key, field], index) => [`"${index === 0 ? '' : ' '}${key}="`, value(field)])]
    : [...header, '" [tidegate@32473"', ...SD_PARAMETERS.flatMap(([key, field]) => [`' ${key}="'`, value(field), `'"'`]), '"] "', '(gsub(d.message, "%c", " "))'];
  return [
    'local find, gsub, byte, format, tostring = string.find, string.gsub, string.byte, string.format, tostring',
    'local concat = table.concat',
    `local special = ${format === 'cef' ? "'[%c\\\\=]'" : "'[%c\\\\\"%]]'"}`,
    'local function escape(c) if byte(c) < 32 or byte(c) == 127 then return format("#%03o", byte(c)) end return "\\\\" .. c end',
    'local function value(v)',
    '  if v == nil then return "" end',
    '  if type(v) ~= "string" then v = tostring(v) end',
    '  if find(v, special) then v = gsub(v, special, escape) end',
    '  return v',
    'end',
    'function render(tag, at, record)',
    '  local d = record.payload.data',
    `  return 2, at, { text = concat({ ${parts.join(', ')} }) }`,
    'end',
    '',
  ].join('\n');
}
