import { testCertificates } from '../support/certificates.js';
import { FaultyProxy } from '../support/faulty-proxy.js';
import { HecIntake } from '../support/hec-intake.js';
import { OpenSearch } from '../support/opensearch.js';
import { Rsyslog } from '../support/rsyslog.js';
import { parsed, StoredIds, type Stored } from '../support/stored-ids.js';
import { SyslogNg } from '../support/syslog-ng.js';

/** A real receiver as a process that a fault acts upon. */
export interface LossReceiver {
  readonly pid: number | undefined;
  kill(): Promise<void>;
  /** On the same ports; what was stored stays. */
  launch(): Promise<void>;
}

export interface LossWay {
  name: string;
  /** On 127.0.0.1. */
  port: number;
  scheme?: 'http';
  settings: Record<string, unknown>;
  connection?: Record<string, unknown>;
  /** What its receiver can answer for. */
  evidence: 'read' | 'accepted';
}

/** What arrived, and how often. */
export interface LossArrivals {
  look(): Promise<void>;
  of(way: string): Stored & { repeated: number };
  stop(): Promise<void>;
}

/** Real receivers and the ways to them. */
export interface LossGround {
  receivers: LossReceiver[];
  /** What is sent and not proven at any moment, and so comes again after a fault. */
  unproven: {
    /** Of a stream: what is not sealed yet and what was sealed within the rewind window. */
    ms: number;
    /** Once in a run, not for each fault: the answer to a seal takes its time, which evens out over many faults and not over one. */
    lateMs: number;
    /** Of requests: those that have no answer. */
    events: number;
    /** Of each try while a receiver takes requests and answers none. */
    probeEvents: number;
    /** In words. */
    why: string;
  };
  /** Of a run whose events have ids `<prefix><number>`. */
  begin(prefix: string): Promise<{ ways: LossWay[]; arrivals: LossArrivals }>;
  stop(): Promise<void>;
}

const SEAL_MS = 1000;
const REWIND_MS = 200;
/** Most events in one request of the intakes over HTTP. */
const REQUEST_EVENTS = 100;
/** A probe has 16 KiB, an event of these runs more than 400 octets. */
const PROBE_EVENTS = 41;

/** rsyslog and syslog-ng over plain TCP in both framings, TLS, and RELP plain and over TLS. */
export async function syslogGround(): Promise<LossGround> {
  const { authority, server, client } = await testCertificates();
  const tls = { ca: authority.certificate, certificate: server.certificate, key: server.key };
  const rsyslog = await Rsyslog.start({ relp: true, tls: { driver: 'gtls', ...tls } });
  const syslogNg = await SyslogNg.start({ tls });
  const clientTls = { ca: authority.certificate, serverName: 'receiver.test', certificate: client.certificate, key: client.key };
  const ways: LossWay[] = [
    { name: 'rsyslog-tcp-newline', port: rsyslog.ports.tcp, settings: { protocol: 'tcp', framing: 'newline' }, evidence: 'read' },
    { name: 'rsyslog-tcp-octets', port: rsyslog.ports.tcp, settings: { protocol: 'tcp', framing: 'octet-counting' }, evidence: 'read' },
    { name: 'rsyslog-tls', port: rsyslog.ports.tls, settings: { protocol: 'tls' }, connection: { tls: clientTls }, evidence: 'read' },
    { name: 'rsyslog-relp', port: rsyslog.ports.relp, settings: { protocol: 'relp' }, evidence: 'accepted' },
    { name: 'rsyslog-relp-tls', port: rsyslog.ports.relpTls, settings: { protocol: 'relp' }, connection: { tls: clientTls, relp: { tls: true } }, evidence: 'accepted' },
    { name: 'syslog-ng-tcp-newline', port: syslogNg.ports.tcpNewline, settings: { protocol: 'tcp', framing: 'newline' }, evidence: 'read' },
    { name: 'syslog-ng-tcp-octets', port: syslogNg.ports.tcpOctet, settings: { protocol: 'tcp', framing: 'octet-counting' }, evidence: 'read' },
    { name: 'syslog-ng-tls', port: syslogNg.ports.tls, settings: { protocol: 'tls' }, connection: { tls: clientTls }, evidence: 'read' },
  ];
  return {
    receivers: [rsyslog, syslogNg],
    unproven: { ms: SEAL_MS + REWIND_MS, lateMs: SEAL_MS, events: 0, probeEvents: 0, why: 'seal interval and rewind window' },
    begin(prefix) {
      const stored = new StoredIds(prefix, () => [...rsyslog.files, ...syslogNg.files]);
      return Promise.resolve({
        ways: ways.map((way) => ({ ...way, settings: { outputType: 'json', output: { appName: way.name }, ...way.settings }, connection: { sealIntervalMs: SEAL_MS, ...way.connection } })),
        arrivals: { look: () => stored.look(), of: (way) => ({ ...stored.of(way), repeated: beyondFirst(stored.of(way).copies) }), stop: () => Promise.resolve() },
      });
    },
    async stop() {
      await rsyslog.stop();
      await syslogNg.stop();
    },
  };
}

const HEC = 'hec-otel';
const BULK = 'bulk-opensearch';

/**
 * The HEC intake of the OpenTelemetry collector and `_bulk` of OpenSearch. OpenSearch keeps one document an id, so what it got again can be seen on its way only: its
 * way leads through a proxy that counts. HEC is counted in what it stored.
 */
export async function httpGround(): Promise<LossGround> {
  const hec = await HecIntake.start();
  const search = await OpenSearch.start();
  const http = { batchWaitMs: 20, batchEvents: REQUEST_EVENTS };
  const ways: LossWay[] = [
    { name: HEC, port: hec.port, scheme: 'http', settings: { protocol: 'splunk-hec' }, connection: { http: { ...http, token: 'any' } }, evidence: 'accepted' },
    { name: BULK, port: search.port, scheme: 'http', settings: { protocol: 'elastic-bulk' }, connection: { http }, evidence: 'accepted' },
  ];
  return {
    receivers: [asReceiver(hec), asReceiver(search)],
    unproven: { ms: 0, lateMs: 0, events: REQUEST_EVENTS, probeEvents: PROBE_EVENTS, why: 'the one request without an answer' },
    async begin(prefix) {
      const index = prefix.replace(/-$/, '');
      await search.call('PUT', `/${index}`, { settings: { number_of_replicas: 0, number_of_shards: 1 } });
      const stored = new StoredIds(prefix, () => hec.files, hecLine);
      const sent = new Map<number, number>();
      let documents: Stored = { copies: new Map(), torn: 0 };
      const proxy = await FaultyProxy.start(search.port, { tap: () => bulkActions(prefix, (number) => sent.set(number, (sent.get(number) ?? 0) + 1)) });
      return {
        ways: ways.map((way) => (way.name === BULK ? { ...way, port: proxy.port, connection: { ...way.connection, elastic: { index } } } : way)),
        arrivals: {
          async look() {
            await stored.look();
            const ids = (await search.ids(index)).filter((id) => id.startsWith(prefix));
            documents = { copies: new Map(ids.map((id) => [Number(id.slice(prefix.length)), 1])), torn: 0 };
          },
          of: (way) => (way === BULK ? { ...documents, repeated: beyondFirst(sent) } : { ...stored.of(way), repeated: beyondFirst(stored.of(way).copies) }),
          stop: () => proxy.stop(),
        },
      };
    },
    async stop() {
      await hec.stop();
      await search.stop();
    },
  };
}

function asReceiver(intake: { readonly pid: number | undefined; kill(): Promise<void>; restart(): Promise<void> }): LossReceiver {
  return {
    get pid() {
      return intake.pid;
    },
    kill: () => intake.kill(),
    launch: () => intake.restart(),
  };
}

function beyondFirst(copies: ReadonlyMap<number, number>): number {
  let repeated = 0;
  for (const count of copies.values()) repeated += count - 1;
  return repeated;
}

function hecLine(line: string): { way: string; id?: string } | undefined {
  const record = parsed<{ event?: { id?: string } }>(line);
  return { way: HEC, ...(record?.event?.id === undefined ? {} : { id: record.event.id }) };
}

/** Hears one connection to `_bulk` and tells the number of each event in it. */
function bulkActions(prefix: string, tell: (number: number) => void): (data: Buffer) => void {
  const pattern = new RegExp(`"_id":"${prefix}(\\d+)"`, 'g');
  let rest = '';
  return (data) => {
    const text = rest + data.toString('latin1');
    let end = 0;
    for (const match of text.matchAll(pattern)) {
      tell(Number(match[1]));
      end = match.index + match[0].length;
    }
    // An id may lie across two pieces.
    rest = text.slice(Math.max(end, text.length - 100));
  };
}
