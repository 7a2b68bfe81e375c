import type { HeaderStyle, OutputType } from '../../src/model/integration.js';
import { LineProcess } from './line-process.js';
import { unescapeCefValue } from './parsers/cef.js';
import { goSyslog, ocsfPython, parcefone, type PeerParser } from './peer-parsers.js';
import { comparableOcsf } from './projections/objects.js';

/** The parsers of other makes that random events go through, and what each made of a record in the terms of the projection. */
export interface IndependentParser {
  name: string;
  /** Whether it takes about as long as all the others together. */
  slow: boolean;
  /** @param answer takes a function that gives what was received, or throws what the parser found wrong */
  ask(octets: Buffer, answer: (received: () => unknown) => void): void;
}

/** What go-syslog reads of a message. */
interface GoRecord {
  error?: string;
  facility: number;
  severity: number;
  timestamp: string;
  hostname: string;
  appname: string;
  msgId: string | null;
  message: string | null;
  data: Record<string, Record<string, string>> | null;
  behind?: GoRecord;
}

const ELEMENT_ID = 'tidegate@32473';
const LINE_END = Buffer.from('\n');

/** Parsers as processes that answer record by record for as long as a run lasts. */
export class IndependentParsers {
  private readonly processes: LineProcess[] = [];
  private readonly syslog: Record<'rfc5424' | 'rfc3164', LineProcess>;
  private readonly cef: LineProcess;
  private readonly json: LineProcess;

  private constructor(go: PeerParser, parcefoneParser: PeerParser, python: PeerParser) {
    this.syslog = { rfc5424: this.start(go, 'rfc5424'), rfc3164: this.start(go, 'rfc3164') };
    this.cef = this.start(parcefoneParser);
    this.json = this.start(python);
  }

  /** Builds and starts them. @throws Error when one cannot be had */
  static async start(): Promise<IndependentParsers> {
    const python = await ocsfPython('records.py');
    if (python === undefined) throw new Error('the official OCSF schema cannot be installed');
    return new IndependentParsers(goSyslog(), parcefone(), python);
  }

  /** Who reads records of this kind; undefined for LEEF without a header, of which no strict parser is published. */
  of(outputType: OutputType, header: HeaderStyle): IndependentParser | undefined {
    if (header !== 'none') return { name: 'go-syslog 4.5.0', slow: false, ask: (octets, answer) => this.syslog[header].ask([Buffer.from(`${octets.length} `), octets], (line) => answer(() => goReceived(line, outputType, header))) };
    switch (outputType) {
      case 'cef': return { name: 'ParCEFone 2.1.0, validating', slow: false, ask: (octets, answer) => this.cef.ask([octets, LINE_END], (line) => answer(() => parcefoneReceived(line))) };
      case 'json': case 'ecs': case 'ocsf': {
        const name = outputType === 'ocsf' ? 'Python json, then the OCSF 1.8.0 schema by jsonschema 4.26.0' : 'Python json';
        return { name, slow: true, ask: (octets, answer) => this.json.ask([Buffer.from(`${outputType} `), octets, LINE_END], (line) => answer(() => pythonReceived(line, outputType))) };
      }
      case 'leef': case 'syslog': return undefined;
    }
  }

  /** Hands over what was asked, and lets answers in. */
  async pass(): Promise<void> {
    for (const each of this.processes) each.send();
    await new Promise((resolve) => setImmediate(resolve));
  }

  /** Resolves when all that was asked is answered. @throws Error when a parser ended */
  async settled(): Promise<void> {
    await Promise.all(this.processes.map((each) => each.settled()));
  }

  async end(): Promise<void> {
    await Promise.all(this.processes.map((each) => each.end()));
  }

  private start({ command, options }: PeerParser, ...more: string[]): LineProcess {
    const started = new LineProcess(command, [...options, ...more]);
    this.processes.push(started);
    return started;
  }
}

/** Syslog text in the terms of its projection; of any other output type header, element and body. */
function goReceived(line: string, outputType: OutputType, style: 'rfc5424' | 'rfc3164'): unknown {
  const go = JSON.parse(line) as GoRecord;
  const inner = style === 'rfc3164' && outputType === 'syslog' ? (go.behind ?? { ...go, error: 'no element in front of the text' }) : go;
  const error = go.error ?? inner.error;
  if (error !== undefined) throw new Error(error);
  const time = style === 'rfc5424' ? new Date(go.timestamp).toISOString() : go.timestamp.slice(5, 19);
  const header = { facility: String(go.facility), level: String(go.severity), hostname: go.hostname, appName: go.appname, time, ...(go.msgId === null ? {} : { msgId: go.msgId }) };
  const elements = Object.keys(inner.data ?? {});
  if (elements.some((id) => id !== ELEMENT_ID)) throw new Error(`elements ${elements.join(', ')}`);
  const read = { ...header, ...inner.data?.[ELEMENT_ID] };
  return outputType === 'syslog' ? { ...read, text: inner.message ?? '' } : { ...read, body: go.message ?? '' };
}

/** ParCEFone leaves the escapes in extension values as they stand (CEF Implementation Standard, "Character encoding", says what they mean), and spells addresses out. */
function parcefoneReceived(line: string): Record<string, string> {
  const fields = JSON.parse(line) as Record<string, string> | string | null;
  if (fields === null || typeof fields === 'string') throw new Error(fields ?? 'refused');
  return Object.fromEntries(Object.entries(fields).map(([key, value]) => [key, key === 'c6a2' ? oneSpelling(value) : unescapeCefValue(value)]));
}

/** One spelling of an IPv6 address (RFC 5952). */
export function oneSpelling(address: string): string {
  return new URL(`http://[${address}]/`).hostname.slice(1, -1);
}

function pythonReceived(line: string, outputType: OutputType): unknown {
  const { error, violations, record } = JSON.parse(line) as { error?: string; violations?: string[]; record: Record<string, unknown> };
  if (error !== undefined) throw new Error(error);
  if (violations !== undefined && violations.length > 0) throw new Error(violations.join('; '));
  return outputType === 'ocsf' ? comparableOcsf(record) : record;
}
