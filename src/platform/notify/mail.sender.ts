import { isIP, type Socket } from 'node:net';
import MailComposer from 'nodemailer/lib/mail-composer';
import SMTPConnection from 'nodemailer/lib/smtp-connection';
import type { Dialer } from '../../contracts/dialer.js';
import type { ChannelFailure, ChannelOutcome, ChannelSender, SendContext } from './channel-sender.js';
import type { MailSettings } from './channel-settings.js';
import { mailFailure, type MailError } from './mail-failure.js';
import { plainText, subjectLine, type OutgoingMessage } from './outgoing-message.js';
import { StageWatch } from './stage-watch.js';

interface SentInfo {
  rejected?: string[];
  response?: string;
}

/** Sends a notification by SMTP over a connection of the dialer, so that the address policy holds for mail, too. */
export class MailSender implements ChannelSender<MailSettings> {
  constructor(private readonly dialer: Dialer) {}

  async send(settings: MailSettings, message: OutgoingMessage, context: SendContext): Promise<ChannelOutcome> {
    const watch = new StageWatch(context);
    try {
      const tls = { verify: settings.verify, ...(settings.ca === undefined ? {} : { ca: settings.ca }) };
      const dialled = await this.dialer.dial({
        host: settings.host, port: settings.port, connectTimeoutMs: context.timeoutMs, signal: watch.signal, onStage: (report) => watch.passOn(report),
        ...(settings.tlsMode === 'tls' ? { tls } : {}),
      });
      if (dialled.type === 'failed') return { type: 'failed', failure: dialled.failure as ChannelFailure };
      return await this.talk(settings, message, dialled.socket, watch, context.timeoutMs);
    } finally {
      watch.dispose();
    }
  }

  private async talk(settings: MailSettings, message: OutgoingMessage, socket: Socket, watch: StageWatch, timeoutMs: number): Promise<ChannelOutcome> {
    const host = settings.host.replace(/^\[|\]$/g, '');
    const connection = new SMTPConnection({
      host, port: settings.port, connection: socket, secure: settings.tlsMode === 'tls', secured: settings.tlsMode === 'tls',
      ...(settings.tlsMode === 'starttls' ? { requireTLS: true } : { ignoreTLS: true }),
      tls: { rejectUnauthorized: settings.verify, minVersion: 'TLSv1.2', ...(settings.ca === undefined ? {} : { ca: settings.ca }), ...(isIP(host) ? {} : { servername: host }) },
      connectionTimeout: timeoutMs, greetingTimeout: timeoutMs, socketTimeout: timeoutMs, socketCloseTimeout: 0, maxResponseSize: 65_536, logger: false,
    });
    let stage: 'tls' | 'login' | 'send' = settings.tlsMode === 'starttls' ? 'tls' : 'login';
    watch.begin(stage);
    try {
      // The connection speaks of its end in several ways: the first one counts.
      await this.within(connection, watch, (done) => connection.connect((error) => done(error)));
      if (settings.tlsMode === 'starttls') watch.passed('tls', 'STARTTLS done');
      watch.begin((stage = 'login'));
      const { user, password } = settings;
      if (user !== undefined) await this.within(connection, watch, (done) => connection.login({ user, credentials: { user, pass: password ?? '' } }, (error) => done(error)));
      watch.passed('login', user === undefined ? 'greeted, no login' : `logged in as ${user}`);
      watch.begin((stage = 'send'));
      const raw = await composed(settings, message);
      const info = await this.within<SentInfo>(connection, watch, (done) => connection.send({ from: settings.from, to: settings.to }, raw, (error, sent) => done(error, sent)));
      const refused = info?.rejected ?? [];
      const detail = `${info?.response ?? 'accepted'}${refused.length > 0 ? `; refused for ${refused.join(', ')}` : ''}`.slice(0, 500);
      watch.passed('send', `${raw.length} octets: ${detail}`);
      return { type: 'sent', detail };
    } catch (error) {
      return watch.failed(watch.ended ?? mailFailure(error as MailError, stage, settings));
    } finally {
      connection.close();
      socket.destroy();
    }
  }

  /** The first of: the step's own end, an error of the connection, its end, the time limit. */
  private within<T>(connection: SMTPConnection, watch: StageWatch, step: (done: (error?: Error | null, value?: T) => void) => void): Promise<T | undefined> {
    return new Promise((resolve, reject) => {
      const cutOff = () => reject(new Error('cut off'));
      const ended = () => reject(Object.assign(new Error('the server closed the connection'), { code: 'ECONNECTION' }));
      const settled = () => {
        watch.signal.removeEventListener('abort', cutOff);
        connection.off('end', ended);
      };
      // Stays on for good: a late error must not go unhandled.
      connection.on('error', reject);
      connection.once('end', ended);
      if (watch.signal.aborted) cutOff();
      watch.signal.addEventListener('abort', cutOff, { once: true });
      step((error, value) => {
        settled();
        if (error) reject(error);
        else resolve(value);
      });
    });
  }
}

/** The same on every repeat but for its date; the ids let receivers and people tell a repeat. */
function composed(settings: MailSettings, message: OutgoingMessage): Promise<Buffer> {
  const mail = new MailComposer({
    from: { name: 'Tidegate', address: settings.from },
    to: settings.to,
    subject: subjectLine(message),
    text: plainText(message),
    messageId: `<${message.id}@tidegate.invalid>`,
    headers: { 'Auto-Submitted': 'auto-generated', 'X-Tidegate-Notification': message.id, 'X-Tidegate-Kind': message.kind, 'X-Tidegate-Severity': message.severity },
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  return mail.compile().build();
}
