import type { Clock } from '../../contracts/clock.js';
import type { Dialer } from '../../contracts/dialer.js';
import type { Rendered, Renderer } from '../../contracts/format.js';
import type { Evidence, Transport } from '../../contracts/transport.js';
import type { AuditEvent } from '../../model/audit-event.js';
import type { Failure, StageReport } from '../../model/failure.js';
import { isHttpKind, type IntegrationSettings } from '../../model/integration.js';
import { frame, wiredTexts, type Shape } from './shape.js';
import { targetOf } from './target.js';

/** How long a receiver that dislikes what it got is given to close the connection. */
const WATCH_MS = 400;

export interface TestDeliveryRequest {
  /** See `Target.of`: with it, a test that went through shows that the settings are right. */
  of?: string;
  settings: IntegrationSettings;
  event: AuditEvent;
  renderer: Renderer;
  transport: Transport;
  shape: Pick<Shape, 'envelope'>;
  dialer: Dialer;
  clock: Clock;
  timeoutMs: number;
}

export interface TestDelivery {
  ok: boolean;
  stages: StageReport[];
  failure: Failure | null;
  evidence: Evidence | null;
  caveat: string | null;
  rendered: string | null;
  bytes: number;
  ms: number;
}

/** One event through the real path, stage by stage, with a connection of its own. Never throws. */
export async function testDelivery(request: TestDeliveryRequest): Promise<TestDelivery> {
  const { settings, renderer, transport, dialer, timeoutMs } = request;
  const begun = performance.now();
  const stages: StageReport[] = [];
  let evidence: Evidence | null = null;
  const answer = (failure: Failure | null, rendered: string | null, bytes: number): TestDelivery => ({
    ok: failure === null,
    stages,
    failure,
    evidence: failure ? null : evidence,
    caveat: failure ? null : caveatOf(transport, evidence),
    rendered,
    bytes,
    ms: elapsed(begun),
  });

  let rendered: Rendered;
  try {
    rendered = renderer.render(request.event, null);
  } catch (error) {
    return answer({ code: 'unexpected', stage: 'send', cause: `the test event cannot be rendered: ${error instanceof Error ? error.message : String(error)}`, fix: 'Change the output settings of this integration.', needsPerson: true }, null, 0);
  }
  if (rendered.type === 'reject') {
    return answer({ code: rendered.code === 'message-too-long' ? 'message-too-long' : 'settings-invalid', stage: 'send', cause: rendered.reason, fix: 'Raise the message size limit or let long messages be shortened (output.maxBytes, output.oversize).', needsPerson: true }, null, 0);
  }
  const texts = rendered.type === 'parts' ? rendered.texts : [rendered.text];
  const shown = texts.join('\n');
  const messages = wiredTexts(request.shape, texts, request.event, null).map((text) => frame(text, settings.framing, settings.protocol));
  const octets = messages.reduce((sum, message) => sum + message.length, 0);
  let tellEnding: (failure: Failure) => void = () => undefined;
  let ended: Failure | undefined;
  const ending = new Promise<Failure>((resolve) => (tellEnding = resolve));
  const abort = AbortSignal.timeout(timeoutMs);
  try {
    const opened = await transport.open(
      { ...targetOf(settings), of: request.of, settleMs: Math.min(settings.connection.settleMs, WATCH_MS) },
      {
        dialer,
        signal: abort,
        // Sending and closing are judged here, where it is known how long the receiver was watched.
        onStage: (report) => report.stage !== 'send' && report.stage !== 'close' && stages.push({ ...report, ms: rounded(report.ms) }),
        listener: {
          safe: (_number, rung) => (evidence = rung),
          failed: (failure) => tellEnding((ended = failure)),
        },
      },
    );
    if (opened.type === 'failed') return answer(opened.failure, shown, octets);
    const { session } = opened;
    const sendBegun = performance.now();
    const sent = await session.send({ number: 1, buffers: messages, events: 1, bytes: octets });
    if (sent.type === 'failed') {
      stages.push({ stage: 'send', ok: false, ms: elapsed(sendBegun), detail: sent.failure.cause });
      await session.close(0);
      return answer(sent.failure, shown, octets);
    }
    const refused = sent.rejected?.[0];
    if (refused) {
      stages.push({ stage: 'send', ok: false, ms: elapsed(sendBegun), detail: refused.reason });
      await session.close(0);
      const fix = refused.code === 'message-too-long' ? 'Lower output.maxBytes for this protocol, or use tcp.' : 'Compare the output settings of this integration with what the receiver takes; its log tells more.';
      return answer({ code: refused.code, stage: 'send', cause: refused.reason, fix, needsPerson: true }, shown, octets);
    }
    const early = transport.unit === 'stream' ? await Promise.race([ending, pause(WATCH_MS)]) : undefined;
    if (early) {
      stages.push({ stage: 'send', ok: false, ms: elapsed(sendBegun), detail: early.cause });
      await session.close(0);
      return answer(closedAtOnce(early, settings), shown, octets);
    }
    stages.push({ stage: 'send', ok: true, ms: elapsed(sendBegun), detail: transport.unit === 'message' && settings.protocol !== 'udp' ? `${octets} octets, taken by the receiver` : `${octets} octets handed to the operating system` });
    const closeBegun = performance.now();
    // An indexer may take its time to say what it stored.
    const graceMs = isHttpKind(settings.protocol) ? Math.max(0, timeoutMs - (performance.now() - begun) - WATCH_MS) : Math.min(5000, timeoutMs);
    await Promise.race([session.close(graceMs), pause(timeoutMs)]);
    // What a single message ends with is the receiver's answer to it.
    const refusal = transport.unit === 'message' && evidence === null ? (ended ?? unanswered(transport, settings, elapsed(sendBegun))) : null;
    stages.push({ stage: 'close', ok: refusal === null, ms: elapsed(closeBegun), detail: refusal?.cause ?? CLOSINGS[evidence ?? 'sent'] });
    return answer(refusal, shown, octets);
  } catch (error) {
    const cause = error instanceof Error ? error.message : String(error);
    return answer({ code: 'unexpected', stage: 'send', cause, fix: 'See the service log of the engine.', needsPerson: true }, shown, octets);
  }
}

/** The answer where there is no way to the receiver at all. */
export function failedTest(failure: Failure): TestDelivery {
  return { ok: false, stages: [{ stage: failure.stage, ok: false, ms: 0, detail: failure.cause }], failure, evidence: null, caveat: null, rendered: null, bytes: 0, ms: 0 };
}

/** A receiver that answers each message did not answer this one. */
function unanswered({ reaches }: Transport, { serverUrl, port, protocol, connection }: IntegrationSettings, waitedMs: number): Failure | null {
  if (reaches === 'sent') return null;
  if (protocol === 'splunk-hec' && connection.splunk.ack) {
    return { code: 'acknowledgement-missing', stage: 'close', cause: `${serverUrl} (port ${port}) accepted the event but did not acknowledge it within ${Math.round(waitedMs)} ms`, fix: 'Look at the indexing queues of the receiver; switch connection.splunk.ack off where it cannot acknowledge.', needsPerson: true };
  }
  return { code: 'send-timeout', stage: 'send', cause: `${serverUrl} (port ${port}) did not answer the message within ${Math.round(waitedMs)} ms`, fix: 'The receiver hangs or is overloaded: check its load, its queue and its disk.', needsPerson: false };
}

/** A receiver that closes on the first message most often waits for the other framing (formats-and-events, 0.1). */
function closedAtOnce(failure: Failure, settings: IntegrationSettings): Failure {
  if (failure.code !== 'peer-closed' && failure.code !== 'peer-reset') return failure;
  const other = settings.framing === 'newline' ? 'octet-counting' : 'newline';
  return {
    ...failure,
    stage: 'send',
    cause: `${failure.cause} right after the message arrived`,
    fix: `The receiver probably expects ${other} framing: change the framing of this integration (now ${settings.framing}) or the receiver's input. Otherwise look at the receiver's own limits and allowed senders.`,
    needsPerson: true,
  };
}

const CLOSINGS: Record<Evidence, string> = {
  sent: 'closed; the receiver gave no proof of reading',
  read: 'the receiver read every octet and closed its side in order',
  accepted: 'the receiver said that it accepted the event',
  stored: 'the receiver said that it stored the event',
  found: 'the receiver reported the event',
};

function caveatOf(transport: Transport, evidence: Evidence | null): string | null {
  if (transport.caveat) return transport.caveat;
  return evidence !== null && evidence !== 'sent' ? null : 'Only "sent" can be shown: the receiver gave no proof of reading. Look for the test event in the SIEM.';
}

function pause(ms: number): Promise<undefined> {
  // Not a reason for the process to stay.
  return new Promise((resolve) => setTimeout(() => resolve(undefined), ms).unref());
}

function elapsed(since: number): number {
  return rounded(performance.now() - since);
}

function rounded(ms: number): number {
  return Math.round(ms * 100) / 100;
}
