import type { OpenContext, OpenOutcome, Target } from '../../../contracts/transport.js';
import { failure, type Peer } from '../../../model/network-failure.js';
import { StreamSession } from './stream-session.js';

/** Opens a stream session over TCP, or TLS when the target has TLS settings. */
export async function openStream(target: Target, context: OpenContext): Promise<OpenOutcome> {
  if (target.protocol === 'tls' && target.tls === undefined) {
    return { type: 'failed', failure: failure('settings-invalid', 'tls', 'the target has no TLS settings', 'Set the TLS section of the integration.', true) };
  }
  const tls = target.protocol === 'tls' ? target.tls : undefined;
  const dialled = await context.dialer.dial({ host: target.host, port: target.port, tls, connectTimeoutMs: target.connectTimeoutMs, signal: context.signal, onStage: context.onStage });
  if (dialled.type === 'failed') return dialled;
  const peer: Peer = { host: target.host, port: target.port, address: dialled.address, tls: tls && { clientCertificate: tls.certificate !== undefined } };
  return { type: 'open', session: new StreamSession(target, context, peer, dialled.socket) };
}
