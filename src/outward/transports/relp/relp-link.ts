import type { Target } from '../../../contracts/transport.js';
import type { Failure } from '../../../model/failure.js';
import { cancelledFailure, failure, peerName } from '../../../model/network-failure.js';
import { afterPoll } from '../shared/bell.js';
import type { StreamLink } from '../shared/stream-link.js';
import { nextTransaction, relpAnswer, relpCommand, RelpFrameReader, relpOffers, syslogCommands, type RelpAnswer, type RelpFrame } from './relp-frame.js';

/** Version 0 is what librelp and all that speak with it offer; the syslog command is the same in version 1. */
const OUR_OFFERS = 'relp_version=0\nrelp_software=tidegate,1\ncommands=syslog';
const STAGE = 'send';

export type RelpOpening = { type: 'open'; relp: RelpLink } | { type: 'failed'; failure: Failure };

/** One RELP session over one connection: opened with offers, then messages, each answered under its transaction number, then closed. */
export class RelpLink {
  /** Messages without an answer. */
  unanswered = 0;
  /** Told of each message that the receiver refused; the link lives on. */
  onRefusal: (why: Failure) => void = () => {};
  private readonly reader = new RelpFrameReader();
  private transaction = 0;
  /** Transactions of messages that wait for an answer, each with what is told when it came. */
  private readonly waiting = new Map<number, () => void>();
  private sessionAnswer: { transaction: number; answer: RelpAnswer | null } | null = null;
  private answeredAt = performance.now();
  private watchdog: NodeJS.Timeout | undefined;

  private constructor(readonly link: StreamLink, private readonly answerTimeoutMs: number) {
    link.hear((data) => this.onData(data));
  }

  /** Opens the session on a fresh connection. The link belongs to the answer; on `failed` it is destroyed. */
  static async open(link: StreamLink, { connectTimeoutMs, sendTimeoutMs }: Pick<Target, 'connectTimeoutMs' | 'sendTimeoutMs'>, signal?: AbortSignal): Promise<RelpOpening> {
    const relp = new RelpLink(link, sendTimeoutMs);
    const onAbort = () => link.condemn(cancelledFailure('connect', link.peer));
    if (signal?.aborted) onAbort();
    signal?.addEventListener('abort', onAbort, { once: true });
    const outcome = await relp.command('open', OUR_OFFERS, connectTimeoutMs);
    signal?.removeEventListener('abort', onAbort);
    const why = outcome === 'silent' ? silentFailure(link, connectTimeoutMs) : outcome === 'broken' ? link.trouble : refusalOf(link, outcome);
    if (why === null) return { type: 'open', relp };
    link.destroy();
    return { type: 'failed', failure: why };
  }

  /** Messages in one write. `onAnswer` is called for each that the receiver accepted. */
  write(messages: readonly Uint8Array[], onAnswer: () => void, onFlushed: () => void): void {
    if (this.link.isOver) return;
    const first = nextTransaction(this.transaction);
    for (let count = 0; count < messages.length; count++) {
      this.transaction = nextTransaction(this.transaction);
      this.waiting.set(this.transaction, onAnswer);
    }
    if (this.unanswered === 0) this.answeredAt = performance.now();
    this.unanswered += messages.length;
    this.link.write([syslogCommands(first, messages)], onFlushed);
    this.watch();
  }

  /** Ends the session in order, within the time; the link is dismissed either way. */
  async close(limitMs: number): Promise<void> {
    this.stop();
    if (!this.link.isOver && limitMs > 0) await this.command('close', '', limitMs);
    if (!this.link.isOver) this.link.dismiss();
  }

  /** No more is wanted of it. */
  destroy(): void {
    this.stop();
    this.link.destroy();
  }

  private stop(): void {
    clearTimeout(this.watchdog);
    this.watchdog = undefined;
    this.waiting.clear();
    this.unanswered = 0;
  }

  private async command(name: string, data: string, limitMs: number): Promise<RelpAnswer | 'silent' | 'broken'> {
    this.transaction = nextTransaction(this.transaction);
    const asked = (this.sessionAnswer = { transaction: this.transaction, answer: null as RelpAnswer | null });
    this.link.write([relpCommand(this.transaction, name, data)], () => {});
    const giveUpAt = performance.now() + limitMs;
    while (asked.answer === null && !this.link.isOver && performance.now() < giveUpAt) await this.link.changed.next(giveUpAt - performance.now());
    if (asked.answer !== null) return asked.answer;
    return this.link.isOver ? 'broken' : 'silent';
  }

  private onData(data: Buffer): void {
    let frames: RelpFrame[];
    try {
      frames = this.reader.push(data);
    } catch (error) {
      const said = error instanceof Error ? error.message : String(error);
      return this.link.condemn(failure('not-relp', STAGE, `${peerName(this.link.peer)} does not speak RELP: ${said}`, 'Use the port where the receiver listens for RELP (imrelp of rsyslog, often 2514), or another protocol; with TLS at the receiver set connection.relp.tls.', true));
    }
    for (const frame of frames) {
      if (this.link.isOver) return;
      this.onFrame(frame);
    }
    this.link.changed.ring();
  }

  private onFrame({ transaction, command, data }: RelpFrame): void {
    const { link } = this;
    if (command === 'serverclose') {
      // What was answered came before it; the rest will not be answered on this connection any more.
      return link.condemn(failure('peer-closed', STAGE, `${peerName(link.peer)} said that it ends the session (serverclose)${this.unanswered > 0 ? ` with ${this.unanswered} messages unanswered` : ''}`, 'The receiver is being stopped or restarted; what it did not accept is sent again.'));
    }
    // Other hints ask for nothing.
    if (transaction === 0) return;
    const answer = command === 'rsp' ? relpAnswer(data) : null;
    if (answer === null) return link.condemn(failure('not-relp', STAGE, `${peerName(link.peer)} sent "${command}" where an answer belongs`, 'Use the port where the receiver listens for RELP (imrelp of rsyslog, often 2514).', true));
    if (this.sessionAnswer?.transaction === transaction) {
      this.sessionAnswer.answer = answer;
      return;
    }
    const onAnswer = this.waiting.get(transaction);
    if (!onAnswer) return link.condemn(failure('not-relp', STAGE, `${peerName(link.peer)} answered transaction ${transaction}, which does not wait for an answer`, 'Look into the log of the receiver; what it did not accept is sent again.'));
    this.waiting.delete(transaction);
    this.unanswered--;
    this.answeredAt = performance.now();
    if (answer.code === 200) onAnswer();
    else this.onRefusal(failure('receiver-refused', STAGE, `${peerName(link.peer)} refused a message: ${answer.code} ${answer.text}`.trimEnd(), 'Look into the log of the receiver: its queue or its disk may be full. The message is sent again.'));
  }

  /** A receiver that answers nothing for long hangs, or is gone without a word. */
  private watch(): void {
    if (this.watchdog !== undefined || this.unanswered === 0) return;
    this.watchdog = setTimeout(() => {
      void afterPoll().then(() => {
        this.watchdog = undefined;
        if (this.link.isOver || this.unanswered === 0) return;
        const silentMs = performance.now() - this.answeredAt;
        if (silentMs < this.answerTimeoutMs) return this.watch();
        this.link.condemn(failure('send-timeout', STAGE, `${peerName(this.link.peer)} left ${this.unanswered} messages unanswered for ${Math.round(silentMs)} ms`, 'The receiver hangs or is too slow, or a device in between dropped the link: check its load and its disk; what it did not accept is sent again.'));
      });
    }, Math.max(1, this.answeredAt + this.answerTimeoutMs - performance.now()));
  }
}

function refusalOf(link: StreamLink, answer: RelpAnswer): Failure | null {
  const name = peerName(link.peer);
  if (answer.code !== 200) return failure('receiver-refused', STAGE, `${name} refused the RELP session: ${answer.code} ${answer.text}`.trimEnd(), 'Look into the log of the receiver: its RELP version, its commands and its list of allowed senders.', true);
  const offers = relpOffers(answer.data);
  if (!offers.has('relp_version')) return failure('not-relp', STAGE, `${name} accepted the RELP session without naming a version`, 'Look into the log of the receiver; without a version the session must not be used.', true);
  const commands = offers.get('commands');
  if (commands !== undefined && !commands.split(',').some((command) => command.trim() === 'syslog')) {
    return failure('receiver-refused', STAGE, `${name} takes no syslog over RELP (its commands: ${commands.slice(0, 100)})`, 'Enable the syslog command at the receiver.', true);
  }
  return null;
}

function silentFailure(link: StreamLink, waitedMs: number): Failure {
  return failure('not-relp', STAGE, `${peerName(link.peer)} did not answer the RELP session within ${Math.round(waitedMs)} ms`, 'Check that this port speaks RELP (imrelp of rsyslog, often 2514): a plain syslog listener takes everything and answers nothing. A receiver that hangs looks the same.');
}
