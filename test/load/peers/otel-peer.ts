import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ChildPeer } from './child-peer.js';
import { CEF_PAIRS, SD_PARAMETERS } from './event-fields.js';
import { findProgram, programMissing } from './find-program.js';
import type { Peer, PeerContext, RunningPeer, Scenario } from './peer.js';

const VARIABLE = 'TIDEGATE_TEST_BENCH_OTELCOL';
const NAME = 'otelcol-contrib';

/** The OpenTelemetry Collector: kafkareceiver -> batch -> transform -> syslogexporter, which writes no line without a header. */
export const otelPeer: Peer = {
  name: 'otel-collector',
  missing: () => programMissing(VARIABLE, NAME),
  takes: ({ format }) => format !== 'json-lines',
  async start(scenario: Scenario, context: PeerContext): Promise<RunningPeer> {
    const work = join(context.directory, context.run.replaceAll(' ', '-'));
    await mkdir(work, { recursive: true });
    const file = join(work, 'otelcol.yaml');
    // JSON is YAML.
    await writeFile(file, JSON.stringify(configuration(scenario, context), undefined, 2));
    const peer = new ChildPeer();
    peer.add(findProgram(VARIABLE, NAME) ?? NAME, ['--config', file]);
    return peer;
  },
};

function configuration({ format, protocol }: Scenario, { kafka, topic, ports, run, fromNow }: PeerContext): object {
  const exporters = Object.fromEntries(ports.map((port, index) => [`syslog/${index}`, { endpoint: '127.0.0.1', port, network: protocol, protocol: 'rfc5424', tls: { insecure: true } }]));
  return {
    receivers: {
      kafka: {
        brokers: kafka.brokers, group_id: run.replaceAll(' ', '-'), initial_offset: fromNow ? 'latest' : 'earliest', max_fetch_wait: '10ms',
        logs: { topics: [topic], encoding: format === 'json-header' ? 'text' : 'json' },
      },
    },
    processors: { batch: { timeout: '100ms' }, transform: { log_statements: statements(format) } },
    exporters,
    service: {
      telemetry: { metrics: { level: 'none' }, logs: { level: 'warn' } },
      pipelines: { logs: { receivers: ['kafka'], processors: ['batch', 'transform'], exporters: Object.keys(exporters) } },
    },
  };
}

/** What the exporter reads is set as attributes. Of structured data it writes texts alone, their control characters as escapes; those of the message stay. */
function statements(format: Scenario['format']): string[] {
  const field = (name: string) => `log.body["data"]${name.split('!').map((part) => `["${part}"]`).join('')}`;
  const set = (attribute: string, value: string) => `set(log.attributes["${attribute}"], ${value})`;
  const always = [set('priority', '110'), set('hostname', '"siem-gate"'), set('appname', '"tidegate"')];
  if (format === 'json-header') return [...always, 'set(log.time, log.observed_time)', set('message', 'log.body')];
  const header = [...always, `set(log.time, Time(${field('occurredAt')}, "%Y-%m-%dT%H:%M:%S.%LZ", "UTC"))`, set('msg_id', field('type'))];
  if (format === 'structured-data') {
    return [...header, ...SD_PARAMETERS.map(([key, name]) => `set(log.attributes["structured_data"]["tidegate@32473"]["${key}"], ${name === 'severity' ? `String(${field(name)})` : field(name)})`), set('message', field('message')), NO_CONTROLS];
  }
  const parts = ['"CEF:0|Tidegate|Tidegate|1|"', field('type'), '"|"', field('type'), '"|"', field('severity'), '"|"', ...CEF_PAIRS.flatMap(([key, name], index) => [`"${index === 0 ? '' : ' '}${key}="`, field(name)])];
  return [...header, set('message', `Concat([${parts.join(', ')}], "")`), NO_CONTROLS];
}

const NO_CONTROLS = 'replace_pattern(log.attributes["message"], "[\\\\x00-\\\\x1f]", " ")';
