import { Inject, Injectable } from '@nestjs/common';
import { SETTINGS } from '../../config/settings.js';
import type { Settings } from '../../config/settings.js';
import { CLOCK } from '../../contracts/clock.js';
import type { Clock } from '../../contracts/clock.js';
import { DIALER } from '../../contracts/dialer.js';
import type { Dialer } from '../../contracts/dialer.js';
import type { OpenedChannel } from './channel-secrets.js';
import type { ChannelOutcome, SendContext } from './channel-sender.js';
import { MailSender } from './mail.sender.js';
import type { OutgoingMessage } from './outgoing-message.js';
import { WebhookSender } from './webhook.sender.js';

/** One message to one channel, whatever its type: the job and the Test button share it. */
@Injectable()
export class ChannelSending {
  private readonly mail: MailSender;
  private readonly webhook: WebhookSender;

  constructor(@Inject(DIALER) dialer: Dialer, @Inject(CLOCK) clock: Clock, @Inject(SETTINGS) private readonly settings: Pick<Settings, 'notify'>) {
    this.mail = new MailSender(dialer);
    this.webhook = new WebhookSender(dialer, clock);
  }

  /** Never throws for what the receiver does. */
  async send({ settings, unreadable }: OpenedChannel, message: OutgoingMessage, context: Omit<SendContext, 'timeoutMs'>): Promise<ChannelOutcome> {
    const [reason] = unreadable.values();
    if (reason !== undefined) return { type: 'failed', failure: { code: 'secret-unreadable', stage: 'resolve', cause: reason, fix: 'Restore the key file that sealed it, or set the secret of the channel again.', needsPerson: true } };
    const within = { ...context, timeoutMs: this.settings.notify.timeoutMs };
    switch (settings.type) {
      case 'mail':
        return this.mail.send(settings.section, message, within);
      case 'webhook':
        return this.webhook.send(settings.section, message, within);
    }
  }
}
