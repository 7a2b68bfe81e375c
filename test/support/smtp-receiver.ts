import type { AddressInfo } from 'node:net';
import { SMTPServer } from 'smtp-server';
import type { TestCertificate } from './certificates.js';

export interface ReceivedMail {
  from: string;
  to: string[];
  /** Headers by lower-case name, unfolded. */
  headers: Map<string, string>;
  text: string;
  user: string | null;
  secure: boolean;
}

export interface SmtpReceiverOptions {
  /** Offers STARTTLS with it, or TLS from the first octet with `implicitTls`. */
  certificate?: TestCertificate;
  implicitTls?: boolean;
  /** Login wanted. */
  login?: { user: string; password: string };
}

/** A real SMTP server on a free port of 127.0.0.1, whose refusals the test switches on. */
export class SmtpReceiver {
  readonly mails: ReceivedMail[] = [];
  logins = 0;
  connections = 0;
  /** SMTP reply to what comes next, while set. */
  refuse: { at: 'mail' | 'recipient' | 'data'; code: number; text: string } | undefined;
  private readonly server: SMTPServer;

  private constructor(options: SmtpReceiverOptions) {
    const { certificate, login } = options;
    const refusal = (at: string) => (this.refuse?.at === at ? Object.assign(new Error(this.refuse.text), { responseCode: this.refuse.code }) : undefined);
    this.server = new SMTPServer({
      secure: options.implicitTls === true, ...(certificate ? { key: certificate.key, cert: certificate.certificate } : {}),
      disabledCommands: [...(certificate && options.implicitTls !== true ? [] : ['STARTTLS']), ...(login ? [] : ['AUTH'])], authOptional: login === undefined, allowInsecureAuth: true, hideSize: true, disableReverseLookup: true, logger: false, closeTimeout: 200,
      onConnect: (_session, done) => {
        this.connections++;
        done();
      },
      onAuth: (auth, _session, done) => {
        this.logins++;
        if (auth.username === login?.user && auth.password === login?.password) done(null, { user: auth.username });
        else done(Object.assign(new Error('Authentication credentials invalid'), { responseCode: 535 }));
      },
      onMailFrom: (_address, _session, done) => done(refusal('mail')),
      onRcptTo: (_address, _session, done) => done(refusal('recipient')),
      onData: (stream, session, done) => {
        const chunks: Buffer[] = [];
        stream.on('data', (chunk: Buffer) => chunks.push(chunk));
        stream.on('end', () => {
          const refused = refusal('data');
          if (refused) return done(refused);
          const { mailFrom, rcptTo } = session.envelope;
          this.mails.push({ ...parsed(Buffer.concat(chunks).toString('utf8')), from: mailFrom === false ? '' : mailFrom.address, to: rcptTo.map(({ address }) => address), user: typeof session.user === 'string' ? session.user : null, secure: session.secure });
          done();
        });
      },
    });
    // A client that leaves is no fault of the receiver.
    this.server.on('error', () => undefined);
  }

  static async start(options: SmtpReceiverOptions = {}, port = 0): Promise<SmtpReceiver> {
    const receiver = new SmtpReceiver(options);
    await new Promise<void>((resolve) => receiver.server.listen(port, '127.0.0.1', () => resolve()));
    return receiver;
  }

  get port(): number {
    return (this.server.server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }
}

function parsed(raw: string): { headers: Map<string, string>; text: string } {
  const end = raw.indexOf('\r\n\r\n');
  const lines = raw.slice(0, end).replace(/\r\n[ \t]+/g, ' ').split('\r\n');
  const headers = new Map(lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]));
  const body = raw.slice(end + 4);
  return { headers, text: headers.get('content-transfer-encoding') === 'quoted-printable' ? body.replace(/=\r\n/g, '').replace(/=([0-9A-F]{2})/g, (_all, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))) : body };
}
