import { EventEmitter } from 'node:events';
import { Injectable } from '@nestjs/common';

/**
 * Tells a processor in this process that a new alert was stored, so that it need not wait for its next turn. Only ever a hint: processors elsewhere find it by polling.
 * Provided by AlertsModule, which the processor's module imports: one instance a process.
 */
@Injectable()
export class ProcessorWake {
  private readonly emitter = new EventEmitter();

  /** Never throws and never waits: a listener only notes that there is work. */
  wake(): void {
    this.emitter.emit('wake');
  }

  /** @returns stops the listening. */
  onWake(listener: () => void): () => void {
    this.emitter.on('wake', listener);
    return () => {
      this.emitter.off('wake', listener);
    };
  }
}
