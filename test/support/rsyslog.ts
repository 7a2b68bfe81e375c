import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PeerProcess } from './peer-process.js';
import { freePort } from './free-port.js';
import { executable } from './peer-ground.js';

export interface RsyslogOptions {
  /** `maxMessageSize`, octets; rsyslog's own default is called 8k and is 8096. */
  maxMessageBytes?: number;
  /** Control characters become `#ooo`, as rsyslog does by default. */
  escapeControlCharacters?: boolean;
  /** Where records go instead of a file of its own: `/dev/full` is a disk without room. */
  storeIn?: string;
  /** Listens for RELP, too: on `ports.relp`, and with `tls` on `ports.relpTls`, where it wants a client certificate that `ca` issued. */
  relp?: boolean;
  tls?: {
    driver: 'gtls' | 'ossl';
    /** PEM texts. */
    ca: string;
    certificate: string;
    key: string;
    /** `anon` asks for no client certificate, `x509/certvalid` for one that `ca` issued. */
    authMode?: 'anon' | 'x509/certvalid';
  };
}

/** One stored message with all that rsyslog made of it. */
export interface RsyslogRecord {
  rawmsg: string;
  pri: string;
  facility: string;
  severity: string;
  /** RFC 3339, as read from the message. */
  timestamp: string;
  hostname: string;
  appName: string;
  procid: string;
  msgid: string;
  structuredData: string;
  tag: string;
  /** `1` for RFC 5424, `0` otherwise. */
  protocolVersion: string;
  msg: string;
  /** Which input took it: imudp, imtcp or imrelp. */
  input: string;
}

const PATHS = ['/usr/sbin/rsyslogd', '/usr/local/sbin/rsyslogd', '/sbin/rsyslogd'];
const MODULES = ['/usr/lib/x86_64-linux-gnu/rsyslog', '/usr/lib/aarch64-linux-gnu/rsyslog', '/usr/lib/rsyslog', '/usr/lib64/rsyslog'];

/** Why rsyslog cannot be used here, or null. */
export function rsyslogMissing(driver?: 'gtls' | 'ossl' | 'relp'): string | null {
  if (executable(PATHS) === null) return 'rsyslogd is not installed (Debian package rsyslog)';
  if (driver === 'relp') return MODULES.some((directory) => existsSync(join(directory, 'imrelp.so'))) ? null : 'rsyslog has no RELP input (Debian package rsyslog-relp)';
  if (driver && !MODULES.some((directory) => existsSync(join(directory, `lmnsd_${driver}.so`)))) return `rsyslog has no ${driver} driver (Debian package rsyslog-${driver === 'gtls' ? 'gnutls' : 'openssl'})`;
  return null;
}

/** Debian's rsyslogd as a child process with a configuration of its own, on loopback ports, writing JSON lines. */
export class Rsyslog {
  private starts = 0;
  private readonly process: PeerProcess;

  private constructor(private readonly directory: string, readonly ports: { udp: number; tcp: number; tls: number; relp: number; relpTls: number }, private readonly options: RsyslogOptions) {
    this.process = new PeerProcess({
      command: executable(PATHS) ?? 'rsyslogd',
      parameters: ['-n', '-f', join(directory, 'rsyslog.conf'), '-iNONE'],
      tcpPorts: [ports.tcp, ...(options.tls ? [ports.tls] : []), ...(options.relp ? [ports.relp] : []), ...(options.relp && options.tls ? [ports.relpTls] : [])],
      udpPorts: [ports.udp],
    });
  }

  static async start(options: RsyslogOptions = {}): Promise<Rsyslog> {
    const directory = await mkdtemp(join(tmpdir(), 'tidegate-rsyslog-'));
    const rsyslog = new Rsyslog(directory, { udp: await freePort(), tcp: await freePort(), tls: await freePort(), relp: await freePort(), relpTls: await freePort() }, options);
    if (options.tls) {
      await writeFile(join(directory, 'ca.pem'), options.tls.ca);
      await writeFile(join(directory, 'cert.pem'), options.tls.certificate);
      await writeFile(join(directory, 'key.pem'), options.tls.key, { mode: 0o600 });
    }
    await rsyslog.launch();
    return rsyslog;
  }

  get pid(): number | undefined {
    return this.process.pid;
  }

  /** What rsyslogd wrote to its terminal. */
  get log(): string {
    return this.process.output;
  }

  /** Starts it again after `kill`, on the same ports; what was stored stays. */
  async launch(): Promise<void> {
    this.starts++;
    // One file a start: a killed process may leave half a line behind.
    await writeFile(join(this.directory, 'rsyslog.conf'), this.configuration(this.options.storeIn ?? join(this.directory, `records-${this.starts}.jsonl`)));
    await this.process.start();
  }

  /** What it writes to, in the order of the starts. */
  get files(): string[] {
    return Array.from({ length: this.starts }, (_, start) => join(this.directory, `records-${start + 1}.jsonl`));
  }

  /** Gives it a disk with room (or none) from its next start on. */
  storeIn(file: string | undefined): void {
    this.options.storeIn = file;
  }

  /** SIGKILL, and waits for the end. */
  async kill(): Promise<void> {
    await this.process.end('SIGKILL');
  }

  /** Ends it and removes its files. */
  async stop(): Promise<void> {
    await this.process.end('SIGTERM');
    await rm(this.directory, { recursive: true, force: true });
  }

  /** Everything stored since the first start, in the order of storing. */
  async records(): Promise<RsyslogRecord[]> {
    const records: RsyslogRecord[] = [];
    for (const file of this.files) {
      const text = await readFile(file, 'utf8').catch(() => '');
      const lines = text.split('\n');
      lines.pop();
      for (const line of lines) records.push(JSON.parse(line) as RsyslogRecord);
    }
    return records;
  }

  /** The records as soon as there are so many. @throws Error after the limit with what was there */
  async waitForRecords(count: number, limitMs = 15_000): Promise<RsyslogRecord[]> {
    const giveUpAt = performance.now() + limitMs;
    for (;;) {
      const records = await this.records();
      if (records.length >= count) return records;
      if (performance.now() > giveUpAt) throw new Error(`rsyslog stored ${records.length} of ${count} records within ${limitMs} ms\n${this.log}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  private configuration(file: string): string {
    const { maxMessageBytes, escapeControlCharacters = true, tls, relp } = this.options;
    const at = (name: string) => JSON.stringify(join(this.directory, name));
    return `
global(workDirectory=${JSON.stringify(this.directory)}
       ${maxMessageBytes === undefined ? '' : `maxMessageSize="${maxMessageBytes}"`}
       parser.escapeControlCharactersOnReceive="${escapeControlCharacters ? 'on' : 'off'}"
       ${tls ? `defaultNetstreamDriver="${tls.driver}" defaultNetstreamDriverCAFile=${at('ca.pem')} defaultNetstreamDriverCertFile=${at('cert.pem')} defaultNetstreamDriverKeyFile=${at('key.pem')}` : ''})
module(load="imudp")
module(load="imtcp")
${relp ? 'module(load="imrelp" ruleset="store")' : ''}
template(name="record" type="list" option.jsonf="on") {
  property(outname="rawmsg" name="rawmsg" format="jsonf")
  property(outname="pri" name="pri" format="jsonf")
  property(outname="facility" name="syslogfacility" format="jsonf")
  property(outname="severity" name="syslogseverity" format="jsonf")
  property(outname="timestamp" name="timereported" dateFormat="rfc3339" format="jsonf")
  property(outname="hostname" name="hostname" format="jsonf")
  property(outname="appName" name="app-name" format="jsonf")
  property(outname="procid" name="procid" format="jsonf")
  property(outname="msgid" name="msgid" format="jsonf")
  property(outname="structuredData" name="structured-data" format="jsonf")
  property(outname="tag" name="syslogtag" format="jsonf")
  property(outname="protocolVersion" name="protocol-version" format="jsonf")
  property(outname="msg" name="msg" format="jsonf")
  property(outname="input" name="inputname" format="jsonf")
}
ruleset(name="store") { action(type="omfile" file=${JSON.stringify(file)} template="record") }
input(type="imudp" address="127.0.0.1" port="${this.ports.udp}" ruleset="store" rcvbufSize="4m")
input(type="imtcp" address="127.0.0.1" port="${this.ports.tcp}" ruleset="store" streamDriver.name="ptcp" streamDriver.mode="0" streamDriver.authMode="anon")
${tls ? `input(type="imtcp" address="127.0.0.1" port="${this.ports.tls}" ruleset="store" streamDriver.name="${tls.driver}" streamDriver.mode="1" streamDriver.authMode="${tls.authMode ?? 'anon'}")` : ''}
${relp ? `input(type="imrelp" address="127.0.0.1" port="${this.ports.relp}")` : ''}
${relp && tls ? `input(type="imrelp" address="127.0.0.1" port="${this.ports.relpTls}" tls="on" tls.cacert=${at('ca.pem')} tls.mycert=${at('cert.pem')} tls.myprivkey=${at('key.pem')} tls.authmode="certvalid")` : ''}
`;
  }
}
